import Analysis
import Foundation
import Observations
import Testing

@testable import Reports

@Suite("The report as a page")
struct HTMLReportTests {
    @Test("the page is as in the golden file")
    func golden() throws {
        try expectGolden(HTMLReport.render(try Sample.page(), stacks: Sample.stacks), "page.html")
    }

    @Test("the page asks no host for anything, and forbids itself to")
    func selfContained() throws {
        let html = HTMLReport.render(try Sample.page(), stacks: Sample.stacks)
        for request in [
            "http://", "https://", "url(", "@import", "src=", "href=\"", "fetch(", "XMLHttpRequest", "import(",
        ] {
            #expect(!html.contains(request), "\(request)")
        }
        #expect(html.contains("default-src 'none'"))
    }

    @Test("names are text wherever they stand", arguments: FlameTests.hostile + ["</script><script>alert(1)</script>"])
    func hostile(name: String) throws {
        var finding = Sample.finding
        (finding.consumer, finding.title, finding.code, finding.howSure) = (name, name, name, name)
        (finding.fix, finding.check, finding.evidence) = (name, name, [name])
        finding.location = CodeLocation(function: name, file: name, line: 1)
        let frames = [Frame(kind: .python, function: name, file: name, line: 1)]
        let stacks = [
            StackSample(
                time: at(1), pid: 1, tid: 1, thread: name, activity: .running, stack: StackTrace(frames),
                consumer: name,
                task: name, count: 9, weight: .seconds(9))
        ]
        let more: [Observation] =
            [
                .note(ProbeNote(time: at(1), text: name)),
                .loop(
                    LoopWindow(
                        start: at(1), length: .seconds(1), pid: 1, loop: name, thread: name, grade: .read, ticks: 1)),
                .connection(ConnectionEvent(time: at(2), pid: 1, connection: 1, step: .opened, consumer: name)),
                .tasks(
                    TaskCensus(
                        time: at(1), pid: 1, grade: .read,
                        groups: [TaskGroup(name: name, consumer: name, state: .waiting, waitsFor: name)])),
            ] + stacks.map(Observation.stack)
        let html = HTMLReport.render(try Sample.report(findings: [finding], more), stacks: stacks)
        // The page's own: two script elements, and nothing of the names'.
        #expect(html.components(separatedBy: "<script").count == 3)
        #expect(html.components(separatedBy: "</script").count == 3)
        #expect(!html.contains("<script>alert") && !html.unicodeScalars.contains("\u{1B}"))
    }

    @Test("a report of nothing is a page without a flame graph")
    func empty() throws {
        let nothing = try ReportDocument(ObservationLog()) { _ in Judgement(findings: [], checked: [], notChecked: []) }
        let html = HTMLReport.render(nothing, stacks: [])
        #expect(html.contains("Nothing could be checked"))
        #expect(!html.contains("id=\"flame-data\""))
    }

    @Test("without its data the page is far below a megabyte")
    func size() throws {
        #expect(HTMLReport.render(try Sample.page(), stacks: Sample.stacks).utf8.count < 100_000)
    }
}
