import Analysis
import Foundation
import Observations
import Reports
import Testing

@Suite(
    "The report's page in a browser", .serialized,
    .enabled(if: Chromium.installed != nil, Comment(rawValue: Chromium.absence)))
struct ReportPageTests {
    /// Two threads: 600 ms below `dispatch` in one, 200 ms of `encode` there, 200 ms in the other.
    static let stacks: [StackSample] = [
        stack("loop", "Chat", ["run", "dispatch", "swallow"], 600), stack("loop", "Chat", ["run", "encode"], 200),
        stack("worker", nil, ["work", "</script><b id=evil>"], 200),
    ]

    static func stack(_ thread: String, _ consumer: String?, _ names: [String], _ milliseconds: Int64) -> StackSample {
        StackSample(
            time: Moment(nanoseconds: 1), pid: 1, tid: 1, thread: thread, activity: .running,
            stack: StackTrace(names.map { Frame(kind: .python, function: $0, file: "app.py", line: 3) }),
            consumer: consumer, count: Int(milliseconds), weight: .milliseconds(milliseconds))
    }

    static func page() throws -> String {
        let start = SessionStart(
            time: Moment(nanoseconds: 0), wallClock: 0, kind: .cpython, description: "server", grade: .read,
            tool: "test")
        let log = ObservationLog([.start(start)] + stacks.map(Observation.stack))
        let report = try ReportDocument(log) { _ in Judgement(findings: [], checked: ["LS001"], notChecked: []) }
        return HTMLReport.render(report, stacks: stacks)
    }

    private func show(_ fragment: String, then script: String = "") throws -> Shown {
        let browser = try #require(Chromium.installed)
        // What the page did is written where the dump shows it.
        let probe = """
            <script>
            var refused = [];
            document.addEventListener('securitypolicyviolation', function (event) { refused.push(event.blockedURI); });
            var press = function (key) { document.getElementById('graph').dispatchEvent(new KeyboardEvent('keydown', { key: key, bubbles: true })); };
            \(script)
            document.body.dataset.requests = performance.getEntriesByType('resource').length;
            document.body.dataset.refused = refused.length;
            document.body.dataset.fragment = location.hash;
            </script></body>
            """
        return Shown(
            document: try browser.document(
                of: try Self.page().replacingOccurrences(of: "</body>", with: probe), fragment: fragment))
    }

    @Test("all stacks are drawn, hostile names as text, and nothing is requested")
    func whole() throws {
        let shown = try show("")
        #expect(
            Set(shown.boxes) == ["All stacks", "run", "dispatch", "swallow", "encode", "work", "</script><b id=evil>"])
        #expect(shown.value("requests") == "0" && shown.value("refused") == "0")
        #expect(!shown.document.contains("<b id=\"evil\">"))
    }

    @Test(
        "search marks what matches, with its share of the time",
        arguments: [
            ("dispatch", "60.0 %", 1), ("en?c|sw.llow", "80.0 %", 2), ("app.py:3", "100.0 %", 6),
            ("nowhere", "0.0 %", 0),
        ])
    func search(pattern: String, share: String, found: Int) throws {
        let shown = try show("search=\(pattern.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")")
        #expect(shown.matched == "matched \(share)")
        #expect(shown.document.components(separatedBy: "class=\"found\"").count - 1 == found)
    }

    @Test("a wrong expression is said, and breaks nothing")
    func wrongSearch() throws {
        #expect(try show("search=%5B").matched == "not a regular expression")
    }

    @Test("zoom shows a box and what stands on it, with its callers faint")
    func zoom() throws {
        let shown = try show("zoom=0.0")
        #expect(shown.boxes.sorted() == ["All stacks", "dispatch", "run", "swallow"])
        #expect(shown.document.components(separatedBy: "class=\"past\"").count - 1 == 2)
    }

    @Test("a click zooms and the address says so; Escape resets both")
    func click() throws {
        let click = "document.querySelectorAll('#graph g')[1].dispatchEvent(new MouseEvent('click'));"
        let zoomed = try show("", then: click)
        #expect(zoomed.value("fragment") == "#zoom=0" && !zoomed.boxes.contains("work"))
        let reset = try show("search=dispatch", then: click + "press('Escape');")
        #expect(reset.value("fragment") == "" && reset.boxes.contains("work") && reset.matched == "")
    }

    @Test(
        "a view shows one thread's, or one consumer's, stacks",
        arguments: [("thread:1", "work"), ("consumer:0", "run")])
    func views(view: String, first: String) throws {
        let shown = try show("view=\(view)")
        #expect(shown.boxes.dropFirst().first == first)
        #expect(Set(shown.boxes).isDisjoint(with: first == "run" ? ["work"] : ["run"]))
    }

    @Test("callers stand on what ran, by the button and by the key")
    func inverted() throws {
        for shown in [try show("inverted=1"), try show("", then: "press('c');")] {
            #expect(
                shown.boxes == [
                    "All stacks", "swallow", "dispatch", "run", "encode", "run", "</script><b id=evil>", "work",
                ])
        }
    }

    @Test("keys turn the graph over and change the theme")
    func keys() throws {
        let shown = try show("theme=light", then: "press('i'); press('t');")
        #expect(shown.value("fragment") == "#icicle=0&theme=dark")
        #expect(shown.document.contains("data-theme=\"dark\""))
    }

    @Test(
        "an address made by anyone breaks nothing",
        arguments: ["zoom=9.9.-1.x", "view=thread:99", "view=%", "search=%E0%A4%A", "&&=&"])
    func hostileFragment(fragment: String) throws {
        #expect(try show(fragment).boxes.contains("run"))
    }
}

/// What a dump of the page says.
private struct Shown {
    let document: String

    /// Names on the boxes, from their titles, in the order they were drawn.
    var boxes: [String] {
        document.components(separatedBy: "<g").dropFirst().compactMap { part in
            part.components(separatedBy: "<title>").dropFirst().first?.components(separatedBy: " · ").first?
                .replacingOccurrences(of: "&lt;", with: "<").replacingOccurrences(of: "&gt;", with: ">")
        }
    }

    var matched: String? {
        document.components(separatedBy: "<output id=\"matched\">").dropFirst().first?.components(separatedBy: "<")
            .first
    }

    func value(_ name: String) -> String? {
        document.components(separatedBy: "data-\(name)=\"").dropFirst().first?.components(separatedBy: "\"").first?
            .replacingOccurrences(of: "&amp;", with: "&")
    }
}
