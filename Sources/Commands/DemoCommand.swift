import Clocks
import Instruments
import Analysis
import ArgumentParser
import ConsumerRuntime
import Demo
import RealtimeServer
import Observations
import Reports
import Session

/// `loopscope demo`: the main job, with nothing else needed.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Show the main job on a server of its own, in under five seconds.",
        discussion: """
            Starts a server, opens idle WebSockets to a chat consumer that swallows StopConsumer, closes three of \
            them, and watches; then the same with the corrected consumer. Exits 0 exactly when the sick one is \
            accused and its twin is not.

            The same bug has three faces, decided by the server: try --policy hypercorn (cold) or daphne (killed).
            """)

    @Option(help: ArgumentHelp("Whose way of ending a connection: \(PolicyName.names).", valueName: "server"))
    var policy: PolicyName = .uvicornWebsockets

    @Option(name: .shortAndLong, help: ArgumentHelp("Where the HTML report goes.", valueName: "file"))
    var output = "report.html"

    @Option(help: ArgumentHelp("Where the recording goes.", valueName: "file"))
    var save = "demo.loopscope"

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let world = World.current
        common.progress("playing the story with a consumer that swallows its stop …", in: world)
        let sick = try await play(.sick, save: save)
        common.progress("playing it with the corrected twin …", in: world)
        let twin = try await play(.twin, save: nil)
        var report = sick.report
        report.phases = [("sick", sick.report.ledger), ("twin", twin.report.ledger)]
        report.findings = Finding.worstFirst(sick.report.findings + twin.report.findings)
        try ReportFiles.write(ReportFiles.html(report), to: output)
        common.print(report, in: world)
        if !common.json { world.output(closing(sick.report, twin.report, world)) }
        if let problem = unexpected(sick.report, twin.report) {
            throw CommandError("the demo did not show what it should: \(problem)", status: .findings)
        }
    }

    private func play(_ half: SeedStory.Half, save: String?) async throws -> SessionOutcome {
        // daphne waits ten seconds before it kills; the demo has five in all.
        let target = try await EmbeddedTarget.start(
            policy: policy.policy(patience: .milliseconds(700)), loops: 1, port: 0)
        let story = SeedStory(half)
        do {
            let outcome = try await SessionRunner(save: save, replacing: true).run(target.probe) { sink in
                try await story.play(port: target.server.port, into: sink, now: Moment.now)
            }
            await target.server.stop(deadline: .zero)
            return outcome
        } catch {
            await target.server.stop(deadline: .zero)
            throw error
        }
    }

    /// The code that the sick half must be accused of.
    private var expected: String {
        switch policy {
        case .uvicornWebsockets: "LS001"
        case .uvicornSansIO, .hypercorn: "LS002"
        case .daphne: "LS003"
        }
    }

    /// What was found beside, or instead of, what should be; `nil` when all is as it should be.
    private func unexpected(_ sick: ReportDocument, _ twin: ReportDocument) -> String? {
        let accused = sick.findings.map { "\($0.code) \($0.consumer ?? "")" }
        if sick.findings.count != 1 || sick.findings[0].code != expected
            || sick.findings[0].consumer?.hasSuffix(".ChatConsumer") != true
        {
            return
                "expected \(expected) on ChatConsumer alone, found \(accused.isEmpty ? "nothing" : accused.joined(separator: ", "))"
        }
        guard twin.findings.isEmpty else {
            return "the corrected twin was accused of \(twin.findings.map(\.code).joined(separator: ", "))"
        }
        return nil
    }

    private func closing(_ sick: ReportDocument, _ twin: ReportDocument, _ world: World) -> String {
        """

        The corrected twin: \(twin.findings.isEmpty ? "nothing found" : "accused too"), \(load(twin)) against \(load(sick)) of the sick one.
        Written: \(output) (open it in a browser), \(save) (the recording)

        Next:
          loopscope report \(save)          the same report again, in any form
          loopscope demo --policy hypercorn        the cold face of the same bug: no CPU at all
          loopscope explain \(expected)                  what it means, and the fix
          loopscope attach                         your own server: lists what can be observed

        """
    }

    private func load(_ report: ReportDocument) -> String {
        let recent = report.timeline.suffix(8).compactMap(\.cpuPercent)
        guard !recent.isEmpty else { return "an unknown share of a core" }
        return "\(Int((recent.reduce(0, +) / Double(recent.count)).rounded())) % of a core"
    }
}

extension PolicyName {
    /// For help texts.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
