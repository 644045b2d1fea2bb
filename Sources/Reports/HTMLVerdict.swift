import Analysis
import Observations

/// The top of the page: what was observed and, in plain words, what is wrong with it.
struct HTMLVerdict {
    private let document: ReportDocument

    init(_ document: ReportDocument) { self.document = document }

    var html: String {
        """
        <header>
        <h1 class="\(document.findings.first?.severity.rawValue ?? (document.checked.isEmpty ? "unknown" : "well"))">\(headline)</h1>
        \(facts)
        </header>
        \(document.findings.map(card).joined(separator: "\n"))
        """
    }

    private var headline: String {
        guard let worst = document.findings.first else {
            return document.checked.isEmpty ? "Nothing could be checked" : "Nothing found"
        }
        let more = document.findings.count - 1
        let subject = worst.consumer.map { "<code>\(Self.short($0).markup(limit: 128))</code>: " } ?? ""
        return subject + worst.title.markup() + (more > 0 ? " <small>and \(more) more</small>" : "")
    }

    /// `ChatConsumer` of `chat.consumers.ChatConsumer`.
    private static func short(_ name: String) -> String { name.split(separator: ".").last.map(String.init) ?? name }

    private var facts: String {
        guard let start = document.start else { return "<p class=\"facts\">Nothing was observed.</p>" }
        var facts: [(String, String)] = [("target", start.description)]
        if let pid = start.pid { facts.append(("pid", String(pid))) }
        facts.append(("observed", "\(document.duration.seconds.fixed(1)) s"))
        if document.quality.taken > 0 {
            facts.append(("samples", "\(document.quality.taken.spaced), \(document.quality.lost.spaced) lost"))
        }
        facts.append(("evidence", start.grade.rawValue))
        if let process = document.processes.first {
            if let cpu = process.cpuPercent { facts.append(("CPU now", "\(cpu.fixed(0)) %")) }
            if process.psMisleads {
                facts.append(("ps shows", "\(process.psPercent.cell(0, " %")), since it began"))
            }
            if let gil = document.gilPercent(of: process.last.pid) { facts.append(("GIL", "\(gil.fixed(0)) %")) }
            facts.append(("threads", process.last.threads.count.spaced))
        }
        let items = facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1.markup())</dd></div>" }
        return "<dl class=\"facts\">\(items.joined())</dl>"
    }

    private func card(_ finding: Finding) -> String {
        var rows: [(String, String)] = []
        if let place = finding.location { rows.append(("where", Self.place(place))) }
        if let source = Self.source(of: finding) { rows.append(("source", source)) }
        rows.append(("fix", "<div class=\"fix\">\(Self.prose(finding.fix))</div>"))
        let seen = finding.evidence.map { "<li>\(Self.prose($0))</li>" }.joined()
        rows.append(("seen", "<ul>\(seen)</ul>"))
        rows.append(("how sure", Self.prose(finding.howSure)))
        if let check = finding.check { rows.append(("check", Self.prose(check))) }
        let subject = finding.consumer.map { "<code>\($0.markup(limit: 128))</code>: " } ?? ""
        return """
            <article class="finding \(finding.severity.rawValue)">
            <h2>\(subject)\(finding.title.markup())</h2>
            <p class="tags"><span class="code">\(finding.code.markup(limit: 16))</span><span class="severity">\(finding.severity.rawValue)</span>\
            <span>\(finding.confidence.rawValue)</span><span>evidence: \(finding.grade.rawValue)</span></p>
            <dl>\(rows.map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>" }.joined())</dl>
            </article>
            """
    }

    /// The lines around the decisive one, which is marked.
    private static func source(of finding: Finding) -> String? {
        guard let source = finding.source, let focus = finding.shownLine else { return nil }
        if let absence = source.absence { return "<small>not shown: \(absence.words.markup())</small>" }
        let lines = source.numbered.map { number, text in
            let line = "<i>\(number)</i>  \(text.markup(limit: SourceExcerpt.widthLimit))"
            return number == focus ? "<mark>\(line)</mark>" : line
        }
        return "<pre class=\"source\">\(lines.joined(separator: "\n"))</pre>"
    }

    private static func place(_ place: CodeLocation) -> String {
        var html = "<code class=\"place\"><b>\(place.function.markup(limit: 160))</b>"
        if let file = place.file {
            html += " <span>\(file.markup(limit: 240))\(place.line.map { ":\($0)" } ?? "")</span>"
        }
        html += "</code>"
        if let handler = place.handlerLine { html += " <small>handler at line \(handler)</small>" }
        return html
    }

    /// Prose with `code` in backquotes set as code.
    private static func prose(_ text: String) -> String {
        let parts = text.markup(limit: 4096).split(separator: "`", omittingEmptySubsequences: false)
        guard parts.count % 2 == 1 else { return parts.joined(separator: "`") }
        return parts.enumerated().map { $0.offset % 2 == 1 ? "<code>\($0.element)</code>" : String($0.element) }
            .joined()
    }
}
