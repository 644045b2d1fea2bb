/// The script inside an SVG flame graph: search and zoom. It works on the boxes that are there and fetches nothing.
enum FlameSVGScript {
    static let text = #"""

        (function () {
          'use strict';
          var svg = document.documentElement, left = 10, span = 1180, perCharacter = 6.9;
          var byId = function (id) { return document.getElementById(id); };
          var boxes = Array.prototype.map.call(document.querySelectorAll('.f'), function (g) {
            var rect = g.querySelector('rect'), text = g.querySelector('text'), title = g.querySelector('title').textContent;
            return { g: g, rect: rect, text: text, title: title, name: title.replace(/ — [^—]*$/, ''),
              x: +rect.getAttribute('x'), y: +rect.getAttribute('y'), w: +rect.getAttribute('width') };
          });
          if (!boxes.length) return;
          function fit(box, x, w) {
            box.rect.setAttribute('x', x); box.rect.setAttribute('width', Math.max(0, w)); box.text.setAttribute('x', x + 3);
            var name = box.name.replace(/ \([^()]*\)$/, ''), room = Math.floor((w - 6) / perCharacter);
            box.text.textContent = room < 3 ? '' : name.length <= room ? name : name.slice(0, room - 1) + '…';
          }
          function zoom(to) {
            var scale = span / to.w, eps = 0.01;
            boxes.forEach(function (box) {
              var under = box.y > to.y && box.x <= to.x + eps && box.x + box.w >= to.x + to.w - eps;
              var inside = box.y <= to.y && box.x >= to.x - eps && box.x + box.w <= to.x + to.w + eps;
              box.g.style.display = under || inside ? '' : 'none';
              box.g.classList.toggle('past', under);
              if (under) fit(box, left, span); else if (inside) fit(box, left + (box.x - to.x) * scale, box.w * scale);
            });
            byId('reset').setAttribute('visibility', to === boxes[0] ? 'hidden' : 'visible');
          }
          function search(pattern) {
            var expression = null, spans = [];
            if (pattern) { try { expression = new RegExp(pattern); } catch (e) { byId('matched').textContent = e.message; return; } }
            boxes.forEach(function (box) {
              var hit = expression !== null && expression.test(box.name);
              box.g.classList.toggle('found', hit);
              if (hit) spans.push(box);
            });
            spans.sort(function (a, b) { return a.x - b.x || b.w - a.w; });
            var sum = 0, end = -1;
            spans.forEach(function (box) { if (box.x >= end - 0.01) { sum += box.w; end = box.x + box.w; } });
            byId('matched').textContent = expression ? 'Matched: ' + (100 * sum / span).toFixed(1) + ' %' : '';
          }
          boxes.forEach(function (box) {
            box.g.addEventListener('click', function () { zoom(box); });
            box.g.addEventListener('mouseover', function () { byId('details').textContent = box.title; });
          });
          byId('reset').addEventListener('click', function () { zoom(boxes[0]); });
          window.addEventListener('keydown', function (event) {
            if (event.key === '/' || (event.ctrlKey && event.key === 'f')) {
              event.preventDefault();
              var pattern = window.prompt('Search (regular expression)', '');
              if (pattern !== null) search(pattern);
            } else if (event.key === 'Escape') { search(''); zoom(boxes[0]); }
          });
          var asked = /[#&]search=([^&]*)/.exec(window.location.hash);
          if (asked) search(decodeURIComponent(asked[1]));
        })();

        """#
}
