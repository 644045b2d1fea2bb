/// The page's style sheet: one calm palette twice, light and dark, by the reader's setting or the button.
enum HTMLStyle {
    static let text = #"""

        :root { --page: #fbfaf8; --card: #fff; --ink: #1c2230; --soft: #626b7a; --faint: #a2a8b3; --line: #e6e3dd;
          --accent: #2f5fb3; --critical: #b3261e; --high: #c4591b; --medium: #97700c; --low: #5b6675; --good: #2b7a4b;
          --tint: #f3f1ec; --fix: #eef4ee; --cpu: #c4591b; --open: #2f5fb3; --boxink: #1c2230; --shade: 0;
          --mono: ui-monospace, "SF Mono", "JetBrains Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
          color-scheme: light; }
        @media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { --page: #14171d; --card: #1b1f27; --ink: #e4e6ea;
          --soft: #9ba4b2; --faint: #646d7b; --line: #2b313c; --accent: #86aef0; --critical: #ff8a80; --high: #f6a36b;
          --medium: #e2c06a; --low: #9ba4b2; --good: #7fcf9c; --tint: #20252e; --fix: #1d2a23; --cpu: #f6a36b; --open: #86aef0;
          color-scheme: dark; } }
        :root[data-theme=dark] { --page: #14171d; --card: #1b1f27; --ink: #e4e6ea; --soft: #9ba4b2; --faint: #646d7b;
          --line: #2b313c; --accent: #86aef0; --critical: #ff8a80; --high: #f6a36b; --medium: #e2c06a; --low: #9ba4b2;
          --good: #7fcf9c; --tint: #20252e; --fix: #1d2a23; --cpu: #f6a36b; --open: #86aef0; color-scheme: dark; }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--page); color: var(--ink); -webkit-text-size-adjust: 100%;
          font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Inter", "Noto Sans", "DejaVu Sans", sans-serif;
          font-variant-numeric: tabular-nums; }
        nav, main { max-width: 1160px; margin: 0 auto; padding: 0 28px; }
        nav { display: flex; align-items: center; padding-top: 20px; color: var(--soft); }
        .brand { letter-spacing: .02em; font-size: 14px; } .brand b { color: var(--ink); font-weight: 650; }
        .grow { flex: 1; }
        h1 { font-size: 30px; line-height: 1.25; font-weight: 680; letter-spacing: -.018em; margin: 26px 0 16px; text-wrap: balance;
          overflow-wrap: anywhere; }
        h1 code { font-size: .92em; } h1 small { font-size: .55em; font-weight: 450; color: var(--soft); letter-spacing: 0; }
        h1.critical::before, h1.high::before, h1.medium::before, h1.low::before, h1.well::before, h1.unknown::before {
          content: ""; display: inline-block; width: .5em; height: .5em; border-radius: 50%; margin-right: .5em; vertical-align: .1em;
          background: var(--low); }
        h1.critical::before { background: var(--critical); } h1.high::before { background: var(--high); }
        h1.medium::before { background: var(--medium); } h1.well::before { background: var(--good); }
        h2 { font-size: 17px; font-weight: 640; letter-spacing: -.008em; margin: 0 0 10px; overflow-wrap: anywhere; }
        h2 small { font-size: 13px; font-weight: 420; color: var(--soft); letter-spacing: 0; margin-left: .5em; }
        small { color: var(--soft); }
        section, article { margin: 40px 0 0; } article { margin-top: 18px; }
        code { font-family: var(--mono); font-size: .88em; overflow-wrap: anywhere; }
        dl { margin: 0; } dd { margin: 0; }
        .facts { display: flex; flex-wrap: wrap; gap: 6px 30px; padding: 0 0 8px; }
        .facts dt { font-size: 11.5px; color: var(--soft); letter-spacing: .03em; } .facts dd { font-weight: 520; }
        .finding { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--low); border-radius: 10px;
          padding: 18px 24px 20px; }
        .finding.critical { border-left-color: var(--critical); } .finding.high { border-left-color: var(--high); }
        .finding.medium { border-left-color: var(--medium); }
        .finding h2 { margin: 0 0 4px; font-size: 18px; }
        .tags { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 0 0 14px; font-size: 12.5px; color: var(--soft); }
        .tags .code { font-family: var(--mono); } .severity { font-weight: 620; }
        .critical .severity { color: var(--critical); } .high .severity { color: var(--high); } .medium .severity { color: var(--medium); }
        .finding dl { display: grid; grid-template-columns: 5.5em 1fr; gap: 8px 14px; }
        .finding dt { color: var(--soft); font-size: 13px; padding-top: 1px; }
        .finding ul { margin: 0; padding: 0; list-style: none; }
        .place b { font-weight: 640; } .place span, .file { color: var(--soft); }
        pre.source { font-family: var(--mono); font-size: .84em; margin: 0; overflow-x: auto; } .source i { color: var(--faint); font-style: normal; } .source mark { background: var(--fix); color: inherit; }
        .fix { background: var(--fix); border-radius: 6px; padding: 8px 12px; }
        .scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
        table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
        th { text-align: left; font-weight: 500; color: var(--soft); font-size: 12.5px; white-space: nowrap; vertical-align: bottom; }
        th, td { padding: 7px 12px; } th:first-child, td:first-child { padding-left: 18px; } th:last-child, td:last-child { padding-right: 18px; }
        tbody tr { border-top: 1px solid var(--line); } tbody tr:hover { background: var(--tint); }
        .n { text-align: right; white-space: nowrap; } .none { color: var(--faint); } td code { overflow-wrap: normal; white-space: nowrap; }
        td code.place { white-space: normal; overflow-wrap: anywhere; } td:has(code.place) { width: 100%; }
        .law { white-space: nowrap; }
        .bad, .hot { color: var(--critical); font-weight: 560; white-space: nowrap; } .good { color: var(--good); white-space: nowrap; }
        .meter { display: inline-block; min-width: 5.2em; padding: 0 .45em; border-radius: 4px;
          background: linear-gradient(to right, color-mix(in srgb, var(--cpu) 26%, transparent) var(--share), var(--tint) var(--share)); }
        .chart { display: block; width: 100%; height: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
          font-size: 11px; fill: var(--soft); }
        .grid { stroke: var(--line); fill: none; } .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
        .line.cpu { stroke: var(--cpu); } .line.open { stroke: var(--open); } .area { fill: var(--cpu); opacity: .12; }
        text.cpu { fill: var(--cpu); } text.open { fill: var(--open); }
        .key { display: inline-block; width: 14px; height: 3px; border-radius: 2px; vertical-align: .25em; margin-right: .45em; }
        .key.cpu { background: var(--cpu); } .key.open { background: var(--open); }
        .tools { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-bottom: 10px; }
        button, select, input { font: inherit; font-size: 13px; color: var(--ink); background: var(--card); border: 1px solid var(--line);
          border-radius: 7px; padding: 5px 11px; }
        select { max-width: 19em; } input { width: 17em; } button { cursor: pointer; }
        button:hover { border-color: var(--faint); } button[aria-pressed=true] { background: var(--tint); border-color: var(--faint); }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
        input.wrong { border-color: var(--critical); }
        #theme { border: 0; background: none; font-size: 17px; color: var(--soft); }
        #matched { font-size: 13px; color: var(--soft); min-width: 9em; }
        #graph { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 8px; overflow: hidden; }
        #graph svg { display: block; width: 100%; font: 11.5px var(--mono); user-select: none; -webkit-user-select: none; }
        #graph g { cursor: pointer; } #graph text { pointer-events: none; fill: #1c2230; }
        #graph rect { stroke: var(--card); stroke-width: .8; } #graph g:hover rect, #graph g.at rect { stroke: var(--ink); stroke-width: 1.4; }
        #graph g.past { opacity: .5; } #graph g.found rect { fill: #c13bd0; } #graph g.found text { fill: #fff; }
        #details { margin: 8px 2px 0; min-height: 3.1em; font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
        #details b { color: var(--ink); font-family: var(--mono); font-weight: 620; }
        .keys { font-size: 12px; color: var(--faint); margin: 4px 2px 0; }
        kbd { font: 11px var(--mono); border: 1px solid var(--line); border-radius: 4px; padding: 0 5px; margin: 0 1px 0 9px; color: var(--soft); }
        footer { margin: 44px 0 60px; padding-top: 14px; border-top: 1px solid var(--line); font-size: 13px; color: var(--soft); }
        footer p { margin: 2px 0; overflow-wrap: anywhere; }
        @media (max-width: 720px) { nav, main { padding: 0 16px; } h1 { font-size: 24px; } .finding { padding: 14px 16px; }
          .finding dl { grid-template-columns: 1fr; gap: 2px; } .finding dd { margin-bottom: 8px; } .keys { display: none; } input { width: 100%; } }
        @media print { nav, .tools, .keys { display: none; } section, article { break-inside: avoid; } }

        """#
}
