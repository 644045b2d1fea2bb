/// The script that draws the page's flame graph from `flame-data`. It reads nothing else and fetches nothing.
///
/// Its state is the address's fragment: `#view=consumer:0&search=dispatch&zoom=0.2.1&inverted=1&icicle=0&theme=dark`.
/// `zoom` is the way from the root: the place among its siblings of each box.
enum FlameScript {
    static let text = #"""

        (function () {
          'use strict';
          var holder = document.getElementById('flame-data');
          if (!holder) return;
          var data = JSON.parse(holder.textContent);
          var byId = function (id) { return document.getElementById(id); };
          var graph = byId('graph'), svg = graph.querySelector('svg'), ns = svg.namespaceURI;
          var rowHeight = 18, minimum = 0.7, root = null, zoomed = null, at = null, boxes = [], character = 6.95, expression = null;
          var state = { view: 'all', search: '', zoom: '', inverted: false, icicle: true };

          // Names as chains of frame indices, outermost first.
          function chain(node) {
            var frames = [];
            for (; node > 0; node = data.nodes[node][0]) frames.push(data.nodes[node][1]);
            return frames.reverse();
          }
          function nodeOf(parent, frame) {
            return { parent: parent, frame: frame, depth: parent ? parent.depth + 1 : 0, own: 0, total: 0, count: 0, children: [], places: new Map() };
          }
          function build() {
            var wanted = /^(thread|consumer|task):(\d+)$/.exec(state.view), column = { thread: 1, consumer: 2, task: 3 };
            root = nodeOf(null, -1);
            data.samples.forEach(function (sample) {
              if (wanted && sample[column[wanted[1]]] !== +wanted[2]) return;
              var frames = chain(sample[0]);
              if (state.inverted) frames.reverse();
              var node = root, weight = sample[4], count = sample[5];
              node.total += weight; node.count += count;
              frames.forEach(function (frame) {
                var child = node.places.get(frame);
                if (!child) { child = nodeOf(node, frame); node.places.set(frame, child); node.children.push(child); }
                node = child; node.total += weight; node.count += count;
              });
              node.own += weight;
            });
            place(root, 0);
          }
          function place(first, start) {
            var waiting = [[first, start]], next;
            while ((next = waiting.pop())) {
              var node = next[0], offset = next[1];
              node.start = offset;
              node.children.sort(function (a, b) {
                return state.inverted ? b.total - a.total : name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : a.frame - b.frame;
              });
              node.children.forEach(function (child, index) { child.index = index; waiting.push([child, offset]); offset += child.total; });
            }
          }
          function name(node) { return node.frame < 0 ? title() : data.frames[node.frame][0]; }
          function file(node) {
            var frame = data.frames[node.frame];
            return !frame || frame[1] === null ? '' : frame[1] + (frame[2] === null ? '' : ':' + frame[2]);
          }
          function title() { var view = byId('view'); return view.selectedIndex < 0 ? 'all' : view.options[view.selectedIndex].text; }

          // The same colours as in the SVG export of the command line: FNV-1a of the name, a hue for the kind of code.
          function colour(node) {
            var frame = data.frames[node.frame];
            if (!frame) return 'hsl(220,10%,80%)';
            var hash = 2166136261;
            new TextEncoder().encode(frame[0]).forEach(function (byte) { hash = Math.imul(hash ^ byte, 16777619) >>> 0; });
            var base = [256, 28, 205, 160][frame[3]], saturation = frame[3] === 1 ? 78 : 42;
            return 'hsl(' + (base + hash % 25 - 12) + ',' + saturation + '%,' + (72 + Math.floor(hash / 25) % 9) + '%)';
          }
          function time(micros) {
            return micros < 1000 ? micros + ' µs' : micros < 1e6 ? (micros / 1000).toFixed(1) + ' ms' : (micros / 1e6).toFixed(2) + ' s';
          }
          function percent(value, whole) { return (whole ? 100 * value / whole : 0).toFixed(1) + ' %'; }
          function clip(text, width) {
            var room = Math.floor((width - 7) / character), letters = Array.from(text);
            return room < 3 ? '' : letters.length <= room ? text : letters.slice(0, room - 1).join('') + '…';
          }
          function element(kind, attributes, parent) {
            var made = document.createElementNS(ns, kind);
            Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
            return parent.appendChild(made);
          }

          function draw() {
            var width = Math.max(200, graph.clientWidth - 18), focus = zoomed || root, scale = focus.total ? width / focus.total : 0;
            var shown = [], waiting = [focus], node, deepest = focus.depth, line = focus;
            while ((line = line.parent)) shown.push([line, 0, width, true]);
            while ((node = waiting.pop())) {
              var w = node === focus ? width : node.total * scale;
              if (w < minimum) continue;
              shown.push([node, (node.start - focus.start) * scale, w, false]);
              deepest = Math.max(deepest, node.depth);
              for (var i = node.children.length - 1; i >= 0; i--) waiting.push(node.children[i]);
            }
            var height = (deepest + 1) * rowHeight;
            svg.textContent = '';
            svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
            svg.setAttribute('height', height);
            boxes = shown.map(function (entry) {
              var node = entry[0], y = state.icicle ? node.depth * rowHeight : height - (node.depth + 1) * rowHeight;
              var g = element('g', entry[3] ? { 'class': 'past' } : {}, svg);
              element('title', {}, g).textContent = summary(node);
              element('rect', { x: entry[1].toFixed(2), y: y, width: entry[2].toFixed(2), height: rowHeight - 1, rx: 2, fill: colour(node) }, g);
              element('text', { x: (entry[1] + 4).toFixed(2), y: y + 12.5 }, g).textContent = clip(name(node), entry[2]);
              g.addEventListener('click', function () { zoom(node); graph.focus({ preventScroll: true }); });
              g.addEventListener('mouseenter', function () { point(node, false); });
              return { node: node, g: g };
            });
            byId('reset').disabled = focus === root;
            mark();
          }
          function summary(node) {
            return [name(node), file(node), percent(node.total, root.total) + ' total', percent(node.own, root.total) + ' own',
              time(node.total), node.count.toLocaleString('en').replace(/,/g, ' ') + (node.count === 1 ? ' sample' : ' samples')].filter(Boolean).join(' · ');
          }
          function point(node, move) {
            at = node;
            var details = byId('details'), strong = document.createElement('b');
            details.textContent = '';
            strong.textContent = name(node);
            details.append(strong, summary(node).slice(name(node).length));
            boxes.forEach(function (box) { box.g.classList.toggle('at', move && box.node === node); });
          }
          function mark() {
            var input = byId('search'), output = byId('matched');
            expression = null;
            input.classList.remove('wrong');
            if (state.search) {
              try { expression = new RegExp(state.search); } catch (error) { input.classList.add('wrong'); output.textContent = 'not a regular expression'; return; }
            }
            var hits = function (node) { return expression && node.frame >= 0 && (expression.test(name(node)) || expression.test(file(node))); };
            boxes.forEach(function (box) { box.g.classList.toggle('found', !!hits(box.node)); });
            if (!expression) { output.textContent = ''; return; }
            var sum = 0, waiting = [root], node;
            while ((node = waiting.pop())) { if (hits(node)) sum += node.total; else waiting.push.apply(waiting, node.children); }
            output.textContent = 'matched ' + percent(sum, root.total);
          }
          function path(node) {
            var steps = [];
            for (; node && node.parent; node = node.parent) steps.push(node.index);
            return steps.reverse().join('.');
          }
          function find(steps) {
            var node = root;
            if (steps) steps.split('.').every(function (step) {
              var child = node.children[+step];
              if (child) node = child;
              return !!child;
            });
            return node;
          }
          function zoom(node) { state.zoom = path(node); zoomed = node; save(); draw(); point(node, true); }
          function save() {
            var parts = [];
            if (state.view !== 'all') parts.push('view=' + state.view);
            if (state.search) parts.push('search=' + encodeURIComponent(state.search));
            if (state.zoom) parts.push('zoom=' + state.zoom);
            if (state.inverted) parts.push('inverted=1');
            if (!state.icicle) parts.push('icicle=0');
            if (document.documentElement.dataset.theme) parts.push('theme=' + document.documentElement.dataset.theme);
            history.replaceState(null, '', '#' + parts.join('&'));
          }
          function load() {
            var asked = {};
            location.hash.slice(1).split('&').forEach(function (part) {
              var equals = part.indexOf('='), value = part.slice(equals + 1);
              try { asked[part.slice(0, equals)] = decodeURIComponent(value); } catch (error) { asked[part.slice(0, equals)] = value; }
            });
            state = { view: asked.view || 'all', search: asked.search || '', zoom: asked.zoom || '', inverted: asked.inverted === '1', icicle: asked.icicle !== '0' };
            byId('view').value = state.view;
            if (byId('view').selectedIndex < 0) { state.view = 'all'; byId('view').value = 'all'; }
            byId('search').value = state.search;
            byId('icicle').setAttribute('aria-pressed', state.icicle);
            byId('inverted').setAttribute('aria-pressed', state.inverted);
            build();
            zoomed = find(state.zoom);
            draw();
            if (state.zoom) point(zoomed, true);
          }
          function change(key, value) {
            state[key] = value;
            if (key === 'view' || key === 'inverted') state.zoom = '';
            save(); load();
          }
          function exportSVG() {
            var copy = svg.cloneNode(true), style = document.createElementNS(ns, 'style');
            style.textContent = 'svg{background:#fdfdfc;font:11.5px ui-monospace,monospace;fill:#1c2230}rect{stroke:#fdfdfc;stroke-width:.8}.past{opacity:.5}.found rect{fill:#c13bd0}.found text{fill:#fff}';
            copy.insertBefore(style, copy.firstChild);
            copy.setAttribute('width', svg.viewBox.baseVal.width);
            var link = document.createElement('a');
            link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' }));
            link.download = 'flame.svg';
            link.click();
            URL.revokeObjectURL(link.href);
          }

          var view = byId('view');
          view.append(new Option('All stacks', 'all'));
          [['thread', 'Threads and loops', data.threads], ['consumer', 'Consumers', data.consumers], ['task', 'Tasks', data.tasks]].forEach(function (kind) {
            if (!kind[2].length) return;
            var group = document.createElement('optgroup');
            group.label = kind[1];
            kind[2].forEach(function (label, index) { group.append(new Option(label, kind[0] + ':' + index)); });
            view.append(group);
          });
          view.addEventListener('change', function () { change('view', view.value); });
          byId('search').addEventListener('input', function () { state.search = byId('search').value; save(); mark(); });
          byId('icicle').addEventListener('click', function () { change('icicle', !state.icicle); });
          byId('inverted').addEventListener('click', function () { change('inverted', !state.inverted); });
          byId('reset').addEventListener('click', function () { zoom(root); });
          byId('export').addEventListener('click', exportSVG);
          document.addEventListener('themechange', save);
          window.addEventListener('resize', draw);
          window.addEventListener('hashchange', load);
          document.addEventListener('keydown', function (event) {
            if (event.ctrlKey || event.metaKey || event.altKey) return;
            if (event.key === 'Escape') { byId('search').value = state.search = ''; byId('search').blur(); zoom(root); return; }
            if (/^(INPUT|SELECT)$/.test(event.target.tagName)) return;
            var here = at || zoomed || root, up = here.children[0], down = here.parent, siblings = down ? down.children : [here], to = null;
            switch (event.key) {
            case '/': byId('search').focus(); byId('search').select(); break;
            case 'i': change('icicle', !state.icicle); break;
            case 'c': change('inverted', !state.inverted); break;
            case 't': byId('theme').click(); break;
            case 'u': zoom((zoomed && zoomed.parent) || root); break;
            case 'Enter': if (event.target !== graph) return; zoom(here); break;
            case 'ArrowLeft': to = siblings[here.index - 1]; break;
            case 'ArrowRight': to = siblings[here.index + 1]; break;
            case 'ArrowUp': to = state.icicle ? down : up; break;
            case 'ArrowDown': to = state.icicle ? up : down; break;
            default: return;
            }
            if (/^Arrow/.test(event.key) && event.target !== graph) return;
            event.preventDefault();
            if (to) point(to, true);
          });
          load();
        })();

        """#
}
