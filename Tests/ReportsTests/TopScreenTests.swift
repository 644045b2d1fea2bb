import Analysis
import Observations
import Testing

@testable import Reports

@Suite("The live view")
struct TopScreenTests {
    private func screen(
        _ columns: Int, _ rows: Int, findings: [Finding] = [Sample.finding], colours: Bool = false,
        _ more: [Observation] = []
    ) throws -> [String] {
        TopScreen(
            try Sample.report(findings: findings, more), columns: columns, rows: rows,
            style: TextStyle(colours: colours)
        ).lines
    }

    @Test("a frame is as in the golden file", arguments: [(100, 30), (60, 12)])
    func golden(columns: Int, rows: Int) throws {
        try expectGolden(
            try screen(columns, rows).joined(separator: "\n") + "\n", "top-\(columns)x\(rows).txt")
    }

    @Test("whatever the size, no line is wider and there are no more of them")
    func sizes() throws {
        let many = (1...40).map { number in
            var finding = Sample.finding
            finding.consumer = "app.Consumer\(number)"
            return finding
        }
        for columns in [-1, 0, 20, 33, 80, 5000] {
            for rows in [-1, 0, 4, 5, 11, 24, 4000] {
                for findings in [[], [Sample.finding], many] {
                    let lines = try screen(columns, rows, findings: findings)
                    #expect(lines.count <= max(rows, 4) && lines.allSatisfy { $0.count <= max(columns, 20) })
                }
            }
        }
    }

    @Test("nothing of the target's makes the terminal obey")
    func hostile() throws {
        let evil = "\u{1B}[2J\u{07}\n"
        var finding = Sample.finding
        finding.consumer = evil
        finding.fix = evil
        finding.location = CodeLocation(function: evil, file: evil, line: 1)
        let stack = Observation.stack(
            StackSample(
                time: at(1), pid: 1, tid: 1, thread: evil, activity: .running,
                stack: StackTrace([Frame(kind: .python, function: evil, file: evil, line: 1)]), count: 999,
                weight: .seconds(99)))
        let text = try screen(100, 40, findings: [finding], [stack]).joined()
        #expect(!text.unicodeScalars.contains { $0.isObeyedByTerminals })
    }

    @Test("before anything was seen there is a frame too")
    func empty() throws {
        let report = try ReportDocument(ObservationLog()) { _ in Judgement(findings: [], checked: [], notChecked: []) }
        let lines = TopScreen(report, columns: 80, rows: 24, style: TextStyle(colours: true)).lines
        #expect(lines.first?.contains("nothing was seen yet") == true)
    }
}
