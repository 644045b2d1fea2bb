import Analysis
import Foundation
import Gate
import Observations
import Reports
import Scenarios
import Testing

/// What a gate writes for machines, held against the schemas of those who read it by validators that are not ours.
@Suite("Schemas of a gate's outputs")
struct GateSchemaTests {
    private static let validator = ProcessInfo.processInfo.environment["LOOPSCOPE_VALIDATOR"]
    private static let absence: Comment = "no validators: make setup-ci"
    private static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// What the validator says of a text: `valid`, or what is wrong.
    private func verdict(on text: String, _ arguments: String...) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "output-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(text.utf8).write(to: file)
        let process = Process()
        process.executableURL = URL(filePath: try #require(Self.validator))
        let script = Self.repository.appending(path: "fixtures/validators/validate.py").path
        process.arguments = [script] + arguments + [file.path]
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        let said = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: said, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Verdicts of every kind, one with names that want to be something else.
    private func verdicts() throws -> [GateVerdict] {
        let budget = try Budget(
            yaml: """
                rules: [{metric: tasks.growth, max: 0}, {metric: loops.per_request, max: 1}]
                suppress:
                  - {finding: LS106, reason: "known & <old>", until: 2027-01-01}
                  - {finding: LS401, reason: gone, until: 2020-01-01}
                """)
        var sick = Example.with("tasks.growth", 10)
        let place = CodeLocation(function: "tick", file: "/srv/app/a b?.py", line: 3)
        sick.suspects["tasks.growth"] = [Suspect("10 × tick", location: place)]
        let hostile = "<script>\u{1B}[2J\u{202E}`]]>&\"'\u{0}\u{FFFE}"
        let findings = [
            Example.finding(), Example.finding("LS106"), Example.finding("LS503", consumer: hostile, severity: .medium),
        ]
        return [
            try Example.judge(), try Example.judge(sick, budget: budget, findings: findings),
            try Example.judge(Example.with("latency.p99", 4), baseline: Example.baseline()),
        ]
    }

    @Test("SARIF is valid by OASIS's schema", .enabled(if: validator != nil, absence))
    func sarif() throws {
        for verdict in try verdicts() {
            let text = GateSARIF.value(verdict, tool: "0.1.0", root: "/srv/app").text(pretty: true)
            #expect(try self.verdict(on: text, "sarif") == "valid")
        }
        #expect(try verdict(on: #"{"version": "2.1.0"}"#, "sarif").contains("'runs' is a required property"))
    }

    @Test("JUnit is valid by the schema that Jenkins reads it with", .enabled(if: validator != nil, absence))
    func junit() throws {
        for verdict in try verdicts() {
            #expect(try self.verdict(on: GateJUnit.text(verdict, name: "churn <&>"), "junit") == "valid")
        }
        #expect(try verdict(on: "<testsuites><testcase/></testsuites>", "junit") != "valid")
    }

    @Test("JSON is valid by the schema that is published", .enabled(if: validator != nil, absence))
    func json() throws {
        let schema = Self.repository.appending(path: "docs/formats/gate.schema.json").path
        var outcome = ReplayOutcome(scenario: "x", seed: 1)
        var clients = ClientTally()
        clients.fail(.init(step: "expect", what: "nothing came"))
        clients.latency.record(done: .milliseconds(3), due: .milliseconds(3))
        outcome.phases = [
            .init(name: "churn", clients: clients, isSettled: true), .init(name: "none", clients: .init()),
        ]
        for verdict in try verdicts() {
            let value = GateJSON.value(
                verdict, name: "x", status: "passed", exitCode: 0, fingerprint: Example.fingerprint
            ).adding(ReplayJSON.entries(outcome).filter { $0.0 == "clients" })
            #expect(try self.verdict(on: value.text(pretty: true), "json", schema) == "valid")
        }
        #expect(try verdict(on: "{}", "json", schema).contains("required"))
    }
}
