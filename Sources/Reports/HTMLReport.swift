public import Analysis
public import Observations

/// The report as one HTML page to send to a colleague: no file beside it, no request to any host, at most 1 MB plus its
/// data. Readable without scripts, but for the flame graph, which is drawn by one.
public enum HTMLReport {
    /// The page.
    ///
    /// - Parameters:
    ///   - document: what the page says.
    ///   - stacks: what the flame graph shows, the profile's when `nil`; idle ones are left out.
    public static func render(_ document: ReportDocument, stacks: [StackSample]? = nil) -> String {
        let stacks = stacks ?? document.profile.stacks
        let sections = [
            HTMLVerdict(document).html, HTMLTables.phases(document.phases), HTMLTables.ledger(document),
            HTMLTables.loops(document.loops), HTMLTables.processes(document.processes),
            HTMLTables.bridges(document.bridges),
            HTMLTables.tasks(document.tasks), TimelineChart(document.timeline).html,
            HTMLTables.hottest(document.hottest),
            HTMLTables.functions(document.profile), flame(stacks.filter { $0.activity != .idle }), foot(document),
        ]
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
            <title>\(title(document).markup())</title>
            <style>\(HTMLStyle.text)</style>
            </head>
            <body>
            <nav><span class="brand">loop<b>scope</b></span><span class="grow"></span><button id="theme" type="button" title="Light or dark (t)">◐</button></nav>
            <main>
            \(sections.filter { !$0.isEmpty }.joined(separator: "\n"))
            </main>
            <script>\(HTMLScript.theme)\(FlameScript.text)</script>
            </body>
            </html>

            """
    }

    private static func title(_ document: ReportDocument) -> String {
        let verdict = document.findings.first.map { "\($0.code) \($0.title)" } ?? "nothing found"
        return "\(verdict) · \(document.start?.description ?? "loopscope")"
    }

    private static func flame(_ stacks: [StackSample]) -> String {
        guard !stacks.isEmpty else { return "" }
        return """
            <section id="flame" class="wide">
            <h2>Flame graph <small>width is time; a box stands on its caller</small></h2>
            <div class="tools">
            <select id="view" aria-label="Which stacks"></select>
            <input id="search" type="search" placeholder="Search: regular expression" aria-label="Search" spellcheck="false">
            <output id="matched"></output><span class="grow"></span>
            <button id="icicle" type="button" aria-pressed="true" title="Root above, or below (i)">Icicle</button>
            <button id="inverted" type="button" aria-pressed="false" title="From what ran up to its callers (c)">Callers</button>
            <button id="reset" type="button" title="Whole graph (Escape)">Reset zoom</button>
            <button id="export" type="button" title="Save the graph as it stands">Save SVG</button>
            </div>
            <div id="graph" tabindex="0" role="img" aria-label="Flame graph"><svg></svg></div>
            <p id="details" aria-live="polite">&nbsp;</p>
            <p class="keys"><kbd>/</kbd> search <kbd>←</kbd><kbd>→</kbd><kbd>↑</kbd><kbd>↓</kbd> move <kbd>Enter</kbd> zoom \
            <kbd>u</kbd> zoom out <kbd>i</kbd> turn over <kbd>c</kbd> callers <kbd>t</kbd> theme <kbd>Esc</kbd> reset</p>
            <noscript><p>The flame graph is drawn by a script in this page. Everything above is complete without it.</p></noscript>
            </section>
            <script id="flame-data" type="application/json">\(FlameData.json(stacks).text())</script>
            """
    }

    private static func foot(_ document: ReportDocument) -> String {
        var lines = document.notes.map { "Note: \($0)" }
        let reasons = Dictionary(grouping: document.notChecked, by: \.why).sorted { $0.key < $1.key }
        if !document.checked.isEmpty { lines.append("Checked: \(document.checked.joined(separator: " "))") }
        lines += reasons.map { "Not checked: \($0.value.map(\.code).joined(separator: " ")) (\($0.key))" }
        if let end = document.end, end.reason != .finished {
            lines.append("Ended: \(end.reason.words)" + (end.detail.map { ", \($0)" } ?? ""))
        }
        let impact = document.impact
        var effect = "\(impact.writes) writes, \(impact.stops) stops, \(megabytes(impact.bytesRead)) read"
        if let percent = document.observerPercent { effect += ", \(percent.fixed(1)) % CPU" }
        lines.append("What loopscope did to the target: \(effect)")
        if let start = document.start {
            lines.append("Observed since \(Timestamp.utc(start.wallClock)) by loopscope \(start.tool)")
        }
        return "<footer>\(lines.map { "<p>\($0.markup(limit: 2048))</p>" }.joined())</footer>"
    }
}
