import AgentProbe
import Analysis
import ArgumentParser
import Launcher
import Observations
import ProcessProbe
import Reports
import Session
import Synchronization

/// `loopscope run`: launch a server and count what it does.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Launch a server and count every event: connections, dispatches, stops, tasks. No edit to it.",
        discussion: """
            Starts the command with loopscope's agent on PYTHONPATH (docs/agent.md), observes it from its first connection \
            on, and ends it with the session. Counts are exact; stacks and ticks are read from outside as `attach` does. What \
            the server writes goes to standard error. On a terminal the counts are shown live, as by `top`, and what the \
            server writes meanwhile comes after them; q or Ctrl-C ends the session and the server.

            Examples:
              loopscope run -- uvicorn app:application
              loopscope run --duration 60 --save load.loopscope -- daphne app.asgi:application
            """)

    @Option(
        help: ArgumentHelp("Observe for so long. Default: until the server ends, or Ctrl-C.", valueName: "seconds"))
    var duration: Double?

    @Option(help: ArgumentHelp("Stack samples a second, or max.", valueName: "hz"))
    var rate = SampleRate(hertz: 100)

    @Flag(help: "Do not load the agent: observe as attach does.")
    var noAgent = false

    @Flag(help: "End with the server's exit code instead of the verdict's.")
    var passExitCode = false

    @Option(help: ArgumentHelp("How long it may take to listen.", valueName: "seconds"))
    var readyWithin = 30.0

    @Option(help: ArgumentHelp("How long it may take to end.", valueName: "seconds"))
    var exitWithin = 10.0

    @Option(help: ArgumentHelp("Keep the recording.", valueName: "file"))
    var save: String?

    @OptionGroup var common: CommonOptions

    @Argument(parsing: .postTerminator, help: ArgumentHelp("The server, after `--`.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else {
            throw ValidationError("say what to run, after `--`: loopscope run -- uvicorn app:application")
        }
        if let duration, !(duration > 0 && duration < 1e9) {
            throw ValidationError("--duration is a number of seconds above 0")
        }
        for (name, value) in [("--ready-within", readyWithin), ("--exit-within", exitWithin)] {
            guard value > 0, value <= 3600 else { throw ValidationError("\(name) is 0 to 3600 seconds") }
        }
    }

    func run() async throws {
        let world = World.current
        let agent = noAgent ? nil : try AgentLaunch(command, environment: world.environment)
        defer { agent?.folder.remove() }
        var launcher = agent?.launcher(world.environment) ?? Launcher(command)
        launcher.readiness = .seconds(readyWithin)
        launcher.patience = .seconds(exitWithin)
        let quiet = common.quiet
        let held = HeldOutput()
        launcher.relay = { bytes in
            if !quiet, !held.takes(bytes) { world.error(String(decoding: bytes, as: UTF8.self)) }
        }
        do {
            let (outcome, ending) = try await Interrupts.cancel { [launcher] in
                try await launcher.run { server, socket in try await observe(server, socket, agent, held, world) }
            }
            common.print(outcome.report, in: world)
            tell(ending, world)
            if passExitCode { return PassedCode.pass(ending) }
            try EarlyExit.end(with: ExitReason(outcome.report.verdict(failOn: common.failOn.severity)))
        } catch let error as LaunchError {
            throw CommandError(error)
        }
    }

    private func observe(
        _ server: LaunchedServer, _ socket: ListeningSocket, _ agent: AgentLaunch?, _ held: HeldOutput,
        _ world: World
    ) async throws -> SessionOutcome {
        // What listens has imported its server; what it has not imported by then it does not count.
        let obstacle = agent.flatMap { $0.obstacle(of: server) }
        if let obstacle {
            world.error("note: nothing is counted: \(obstacle.plain()); it is read from outside instead\n")
        }
        let attached = try AttachTarget(
            pid: server.leader, rate: rate.hertz, agent: obstacle == nil ? agent?.folder : nil)
        for remark in attached.remarks { world.error("note: \(remark.plain())\n") }
        common.progress("\(socket.host):\(socket.port) listens; Ctrl-C ends it with the report", in: world)
        let relay = SignalRelay(to: server)
        defer { relay.stop() }
        let screen = screen(world)
        let runner = SessionRunner(save: save, replacing: true) { finding in
            guard !common.quiet, world.errorIsTerminal, screen == nil else { return }
            world.error(TextReport.text(of: finding, style: common.style(world)) + "\n\n")
        }
        return try await runner.run(attached.probe) { session in
            let end = duration.map { ContinuousClock().now + .seconds($0) }
            if let screen {
                if world.errorIsTerminal { held.hold() }
                screen.terminal.enter()
                defer {
                    screen.terminal.leave()
                    world.error(held.release())
                }
                return await screen.show(session, until: end)
            }
            while !Task.isCancelled, end.map({ ContinuousClock().now < $0 }) ?? true {
                let pause = end.map { min(.milliseconds(500), $0 - ContinuousClock().now) } ?? .milliseconds(500)
                try? await Task.sleep(for: pause)  // the cadence of the live counts, ended by Ctrl-C or the server
                if world.errorIsTerminal, !common.quiet, let evidence = try? session.evidence() {
                    world.error("\r\(LiveCounts(evidence.ledger).text)\u{1B}[K")
                }
            }
        }
    }

    /// The live view, where its results go to a terminal and somebody wants to see them.
    private func screen(_ world: World) -> LiveScreen? {
        guard world.outputIsTerminal, !common.quiet, !common.json, let terminal = Terminal() else { return nil }
        return LiveScreen(terminal: terminal, style: common.style(world), command: "loopscope run")
    }

    private func tell(_ ending: Launcher.Ending, _ world: World) {
        if ending.wasKilled {
            world.error("note: the server did not end within \(Int(exitWithin)) s of SIGTERM and was killed\n")
        } else if let code = ending.code, code != 0 {
            world.error("note: the server ended with exit code \(code)\n")
        }
    }
}

/// One line of what is counted, while it is.
struct LiveCounts {
    /// The line.
    let text: String

    init(_ ledger: Ledger) {
        func sum(_ part: (LedgerEntry) -> Int?) -> Int { ledger.entries.compactMap(part).reduce(0, +) }
        let rate = ledger.entries.compactMap(\.dispatchesPerSecond).reduce(0, +)
        text =
            "\(sum(\.opened).spaced) opened, \(sum(\.closed).spaced) closed, \(sum(\.alive).spaced) consumers"
            + ", \(sum(\.stuck).spaced) stuck, \(sum(\.tasks).spaced) tasks, \(Int(rate.rounded()).spaced) dispatches/s"
    }
}

/// The exit code of a launched server, for whoever asked to have it passed on.
enum PassedCode {
    /// Told of the code; it then stands for loopscope's own. A type of its own: the bare function's is not found by the
    /// runtime in every release build, which then ends at the first command.
    struct Receiver: Sendable {
        let take: @Sendable (Int32) -> Void
    }

    /// Who is told.
    @TaskLocal static var receiver = Receiver { _ in }

    /// Passes on how a server ended: its code, or 128 and the number of its signal, as shells say it.
    static func pass(_ ending: Launcher.Ending) { receiver.take(ending.code ?? ending.signal.map { 128 + $0 } ?? 0) }
}
