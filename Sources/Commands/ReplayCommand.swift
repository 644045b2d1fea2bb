import Analysis
import ArgumentParser
import Foundation
import Gate
import Observations
import Policy
import ProcessProbe
import RealtimeServer
import Replay
import Reports
import Scenarios
import Session
import Synchronization

/// `loopscope replay`: play a connection scenario against a server, and judge the server by what is left.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Play a connection scenario against a server; say what its clients saw and what stayed behind.",
        discussion: """
            A scenario (YAML, docs/formats/scenario.md) says which clients come, how they behave and misbehave, and what \
            must hold once the server has settled. It plays against the embedded runtime, a URL, a running process \
            (which is observed as `attach` does), or a server that is launched for it and ended afterwards.

            Examples:
              loopscope replay churn.yaml
              loopscope replay churn.yaml --url ws://127.0.0.1:8000 --pid 4711
              loopscope replay churn.yaml -- uvicorn --port 0 app:application
              loopscope replay churn.yaml --outside -- uvicorn --port 0 app:application
              loopscope replay devtools.har --speed 10 --clients 50 --url ws://127.0.0.1:8000
              loopscope replay devtools.har --print > chat.yaml
              loopscope replay --verbs
            """)

    @Argument(help: ArgumentHelp("The scenario, or a HAR file out of DevTools.", valueName: "scenario"))
    var path: String?

    @Flag(help: "List the verbs and metrics of the scenario language.")
    var verbs = false

    @OptionGroup var target: ReplayTargetOptions

    @Flag(
        help:
            "Read no memory: judge a launched server by its clients, its CPU, its log, and by how long it takes to end."
    )
    var outside = false

    @Option(
        help: ArgumentHelp(
            "How fast a HAR file is played: 1 as recorded, 10 ten times as fast, or max.", valueName: "factor"))
    var speed: SpeedOption?

    @Option(help: ArgumentHelp("How many clients do what a HAR file has, side by side.", valueName: "number"))
    var clients: Int?

    @Flag(
        name: .customLong("print"),
        help: "Print what a HAR file comes to as a scenario, to go on with, and play nothing.")
    var printsScenario = false

    @Option(help: ArgumentHelp("Play with this seed instead of the scenario's.", valueName: "number"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Keep the recording.", valueName: "file"))
    var save: String?

    @OptionGroup var common: CommonOptions

    @Argument(parsing: .postTerminator, help: ArgumentHelp("A server to launch, after `--`.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if verbs { return }
        if let clients, !(1...Phase.populationLimit).contains(clients) {
            throw ValidationError("--clients is 1 to \(Phase.populationLimit)")
        }
        guard path != nil else {
            throw ValidationError("name a scenario, or list what one is made of with --verbs")
        }
        if printsScenario, !CaptureFile.isCapture(path ?? "") {
            throw ValidationError("--print is for HAR files: a scenario is written as a scenario already")
        }
        try target.validate(command: command)
        if outside, target.agent { throw ValidationError("--outside reads nothing, and --agent counts everything") }
        if outside, command.isEmpty {
            throw ValidationError("--outside wants a server to launch: what a URL alone shows, --url shows")
        }
    }

    func run() async throws {
        let world = World.current
        if verbs { return world.output(VerbList.text) }
        if printsScenario { return world.output(try written()) }
        let (scenario, capture) = try source()
        let group = ClientGroup(loops: scenario.mostClients > ReplayTargetOptions.inProcessLimit ? 2 : 1)
        if let limit = DescriptorLimit.raise(for: scenario.mostClients), !common.quiet,
            let short = limit.shortfall(of: scenario.mostClients)
        {
            world.error("note: \(short.why)\n  do: \(short.remedy)\n")
        }
        let target = try await target.open(command: command, scenario: scenario, outside: outside)
        let result: ReplayResult
        do {
            result = try await Interrupts.cancel { [self] in
                try await target.run { opened in try await play(scenario, opened, group, world) }
            }
            await group.stop()
        } catch {
            await group.stop()
            throw error
        }
        print(result, capture, in: world)
        // Of a server that was launched it is known why: it has ended.
        if result.isUnreachable, result.failure == nil {
            throw CommandError(
                "nobody answers where the clients went",
                why: result.outcome.clients.failures.keys.first?.what.plain(limit: 200),
                do: "start the server, or say where it listens: --url ws://127.0.0.1:PORT", status: .unavailable)
        }
        let expected = outside ? scenario.expectedOutside ?? scenario.expectedFindings : scenario.expectedFindings
        for note in result.notes { world.error("note: \(note.plain())\n") }
        if result.outcome.clients.exhausted > 0 {
            world.error(Self.exhaustion(result.outcome.clients.exhausted, of: scenario.mostClients).text)
        }
        if let failure = result.failure {
            world.error(failure.text)
        } else if result.haveClientsFailed(expected: expected) {
            world.error(
                "note: \(result.outcome.clients.failed.counted("client")) did not do what the scenario says, which fails it\n"
                    + "  do: where some may, say how many: `check: clients.failed <= \(result.outcome.clients.failed)`\n"
            )
        }
        let status = result.status(expected: expected, failOn: common.failOn.severity)
        if status == .inconclusive, result.failure == nil, command.isEmpty, self.target.pid == nil,
            self.target.url != nil
        {
            world.error(
                "note: of a server behind a URL only its clients are seen, and they cannot tell what stays in it\n"
                    + "  do: `--pid PID` reads it; `--outside -- COMMAND` launches it, reads nothing, and sees how it ends\n"
            )
        }
        try EarlyExit.end(with: status)
    }

    /// That this machine could not connect so many clients.
    private static func exhaustion(_ count: Int, of clients: Int) -> CommandError {
        let machine = MachineReading.read()
        let ports = machine.ports.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "not known"
        let files = machine.softFiles.map { "\($0)" } ?? "not limited"
        return CommandError(
            "this machine could not connect \(count.counted("client")): it had no source port or no descriptor left",
            why:
                "ports: \(ports) (net.ipv4.ip_local_port_range), for each address; a closed connection keeps its own for a minute. Descriptors: \(files) (ulimit -n)",
            do:
                "`sudo sysctl net.ipv4.ip_local_port_range=\"1024 65535\"`, `ulimit -n \(clients + 64)`, wait for a minute, or play fewer clients",
            status: .inconclusive)
    }

    /// A capture as a scenario.
    private func written() throws -> String {
        let path = path ?? ""
        let capture = try CaptureFile.read(path)
        do throws(CaptureError) {
            return try Scenario.yaml(capture, speed: speed?.speed ?? .times(1), clients: clients ?? 1, seed: seed ?? 1)
        } catch {
            throw CommandError(error, in: path)
        }
    }

    /// What is to be played.
    private func source() throws -> (Scenario, Capture?) {
        let path = path ?? ""
        guard CaptureFile.isCapture(path) else {
            guard speed == nil, clients == nil else {
                throw ValidationError("--speed and --clients are for HAR files; a scenario says itself who comes when")
            }
            return (try ScenarioFile.read(path, seed: seed), nil)
        }
        let capture = try CaptureFile.read(path)
        guard target.url != nil || target.pid != nil || !command.isEmpty else {
            throw CommandError(
                "a capture is played against the server it was made of",
                why: "it was recorded at \(capture.host.plain(limit: 100))",
                do: "start that server here, and say where: --url ws://127.0.0.1:8000, --pid, or `-- COMMAND`",
                status: .usage)
        }
        do throws(CaptureError) {
            return (
                try Scenario(capture, speed: speed?.speed ?? .times(1), clients: clients ?? 1, seed: seed ?? 1), capture
            )
        } catch {
            throw CommandError(error, in: path)
        }
    }

    private func play(
        _ scenario: Scenario, _ target: OpenedTarget, _ group: ClientGroup, _ world: World
    ) async throws -> ReplayResult {
        let outcome = Mutex(ReplayOutcome(scenario: scenario.name, seed: scenario.seed))
        let run = ScenarioRun(
            scenario, at: target.endpoint, group: group, seesServer: target.seesServer, control: target.control,
            aftermath: target.aftermath, isApart: !target.isEmbedded)
        let runner = SessionRunner(save: save, replacing: true)
        let session = try await runner.run(target.probe) { session in
            try await run.play(in: session, outcome: { new in outcome.withLock { $0 = new } }) { phase, clients in
                guard world.errorIsTerminal, !common.quiet else { return }
                let expected = scenario.phases.first { $0.name == phase }.map { " of \($0.mostClients)" } ?? ""
                world.error(
                    "\r\(phase.plain(limit: 32)): \(clients.started)\(expected) begun, \(clients.opened) opened, \(clients.opened - clients.closed) open, \(clients.failed) failed\u{1B}[K"
                )
            }
        }
        if world.errorIsTerminal, !common.quiet { world.error("\r\u{1B}[K") }
        return ReplayResult(outcome: outcome.withLock { $0 }, session: session)
    }

    private func print(_ result: ReplayResult, _ capture: Capture?, in world: World) {
        if common.json {
            let entries = ReplayJSON.entries(result.outcome) + ReplayJSON.entries(capture)
            world.output(JSONReport.value(result.session.report).adding(entries).text(pretty: true) + "\n")
        } else {
            if let capture { world.output(ReplayText.sentence(capture) + "\n\n") }
            world.output(ReplayText(result.outcome, style: common.style(world)).text + "\n")
            common.print(result.session.report, in: world)
        }
    }
}

/// A scenario in a file.
enum ScenarioFile {
    /// Reads it.
    ///
    /// - Throws: a `CommandError` with the line and column of what is wrong.
    static func read(_ path: String, seed: UInt64?) throws -> Scenario {
        var (scenario, _) = try readWithText(path)
        if let seed { scenario.seed = seed }
        return scenario
    }

    /// Reads it with its text.
    static func readWithText(_ path: String) throws -> (Scenario, String) {
        let text = try text(of: path, what: "scenario")
        do throws(ScenarioError) {
            return (try Scenario(yaml: text), text)
        } catch {
            throw CommandError(error, in: path)
        }
    }

    /// The text of a file of ours.
    static func text(of path: String, what: String) throws -> String {
        guard let text = String(data: try read(path, what: what), encoding: .utf8) else {
            throw CommandError("the \(what) \(path.plain()) is not UTF-8 text", status: .wrongContent)
        }
        return text
    }
}

extension CommandError {
    /// A mistake in a scenario or a budget, with its place.
    init(_ error: ScenarioError, in path: String) {
        self.init(
            "\(path.plain()):\(error.line):\(error.column): \(error.what.plain())",
            do: error.remedy?.plain(limit: 2000), status: .wrongContent)
    }
}

extension ScenarioFile {
    /// The bytes, at most one more than a scenario may have: larger ones are refused by their size.
    private static func read(_ path: String, what: String) throws -> Data {
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }  // nothing was written
            return try file.read(upToCount: Scenario.sizeLimit + 1) ?? Data()
        } catch {
            throw CommandError(
                "cannot read the \(what) \(path.plain())", why: error.fileTrouble.plain(),
                do: "name a readable file", status: .unreadable)
        }
    }
}

/// `--verbs`: what a scenario is made of.
enum VerbList {
    static var text: String {
        func table(_ rows: [(String, String)]) -> String {
            let width = rows.map(\.0.count).max() ?? 0
            return rows.map { "  " + $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }
                .joined(separator: "\n")
        }
        let good = Verb.all.filter { !$0.isMisbehaviour }.map { ("- " + $0.example, $0.summary) }
        let bad = Verb.all.filter(\.isMisbehaviour).map { ("- " + $0.example, $0.summary) }
        let metrics = Metric.all.map { ($0.name, $0.summary) }
        return """
            What a client does:
            \(table(good))

            What no good client does:
            \(table(bad))

            What may be checked (`check: ["consumers.stuck == 0", "latency.p99 < 50 ms"]`):
            \(table(metrics))

            """
    }
}
