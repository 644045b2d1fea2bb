import Analysis
import ArgumentParser
import ConsumerRuntime
import Demo
import ObservationSocket
import Observations
import RealtimeServer
import Session

/// `loopscope serve`: the embedded runtime as a test server.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the embedded runtime as a test server, sick routes and healthy ones.",
        discussion: """
            Prints `ready PORT` when it listens on 127.0.0.1. Ctrl-C ends it with the report of what was seen. Meanwhile
            `loopscope attach --pid` of the same user joins it, on counts instead of samples.

            Example: loopscope serve --port 8765, then connect a WebSocket client to ws://127.0.0.1:8765/ws/echo/
            """)

    @Option(help: "Port to listen on; 0 for a free one.")
    var port = 8765

    @Option(help: "Event loops.")
    var loops = 1

    @Option(help: ArgumentHelp("Whose way of ending a connection: \(PolicyName.names).", valueName: "server"))
    var policy: PolicyName = .uvicornWebsockets

    @Option(help: ArgumentHelp("Make room for so many connections, or say what forbids it.", valueName: "count"))
    var connections: Int?

    @Option(help: ArgumentHelp("End by itself after so many seconds.", valueName: "seconds"))
    var duration: Double?

    @Option(help: ArgumentHelp("Keep the recording.", valueName: "file"))
    var save: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port is 0 to 65535, not \(port)") }
        guard (1...64).contains(loops) else { throw ValidationError("--loops is 1 to 64, not \(loops)") }
        if let connections, !(1...10_000_000).contains(connections) {
            throw ValidationError("--connections is 1 to 10 000 000, not \(connections)")
        }
        if let duration, !(duration > 0 && duration < 1e9) {
            throw ValidationError("--duration is a number of seconds above 0")
        }
    }

    func run() async throws {
        let world = World.current
        let target = try await EmbeddedTarget.start(
            policy: policy.policy(), loops: loops, port: port, connections: connections)
        if let connections, let short = target.server.descriptors?.shortfall(of: connections) {
            world.error("note: \(short.why)\n  do: \(short.remedy)\n")
        }
        let listener = await offer(target, world)
        let runner = SessionRunner(save: save, replacing: true) { finding in
            if !common.quiet { world.error("\(finding.code) \(finding.title): \(finding.consumer ?? "")\n".plainLine) }
        }
        let length = duration.map { Duration.seconds($0) }
        let outcome = try await Interrupts.cancel {
            try await runner.run(target.probe) { _ in
                world.output("ready \(target.server.port)\n")
                try? await Task.sleep(for: length ?? .seconds(1_000_000_000))  // ended by Ctrl-C
            }
        }
        await listener?.stop()
        await target.server.stop()
        common.print(outcome.report, in: world)
        try EarlyExit.end(with: ExitReason(outcome.report.verdict(failOn: common.failOn.severity)))
    }

    /// Offers the server's observations to `attach`; one that cannot serves all the same.
    private func offer(_ target: EmbeddedTarget, _ world: World) async -> ObservationListener? {
        do {
            return try await target.offer()
        } catch {
            world.error("note: `loopscope attach` cannot join this server: \(error)\n".plainLine)
            return nil
        }
    }
}

extension String {
    /// One line for a terminal: whatever the target put in stays text.
    var plainLine: String { split(separator: "\n").joined(separator: " ").plain() + "\n" }
}
