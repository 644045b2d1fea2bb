/// The page's own script, apart from the flame graph's: light or dark.
enum HTMLScript {
    static let theme = #"""

        (function () {
          'use strict';
          var root = document.documentElement, button = document.getElementById('theme');
          var asked = /[#&]theme=(light|dark)/.exec(location.hash);
          if (asked) root.dataset.theme = asked[1];
          button.addEventListener('click', function () {
            var dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
            root.dataset.theme = dark ? 'light' : 'dark';
            document.dispatchEvent(new Event('themechange'));
          });
        })();

        """#
}
