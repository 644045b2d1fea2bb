import AgentProbe
import ArgumentParser
import Gate
import RealtimeServer
import Launcher
import Observations
import ProcessProbe
import RemoteProcess
import Replay
import Scenarios
import Session

/// Where a scenario is played.
struct ReplayTargetOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The server, as ws://HOST:PORT.", valueName: "url"))
    var url: String?

    @Option(name: .shortAndLong, help: "A running server, which is observed meanwhile.")
    var pid: Int32?

    @Option(
        help: ArgumentHelp(
            "Whose way of ending a connection the embedded server takes: \(PolicyName.names).", valueName: "server"))
    var policy: PolicyName = .uvicornWebsockets

    @Option(
        help: ArgumentHelp("Play against this host, which is not this machine: you vouch for it.", valueName: "host"))
    var iOwnThisHost: String?

    @Flag(
        help: "Load the agent into the server that is launched: every event of it is counted (docs/agent.md).")
    var agent = false

    @Option(help: ArgumentHelp("How long a launched server may take to listen.", valueName: "seconds"))
    var readyWithin = 30.0

    @Option(help: ArgumentHelp("How long a launched server may take to end.", valueName: "seconds"))
    var exitWithin = 10.0

    func validate(command: [String]) throws {
        if !command.isEmpty, pid != nil { throw ValidationError("--pid and a command both say what the server is") }
        if agent, command.isEmpty {
            throw ValidationError("--agent is loaded at launch: give the server's command after `--`")
        }
        if let url, Endpoint(url: url) == nil {
            throw ValidationError("--url is like ws://127.0.0.1:8000 (TLS is not spoken), not \(url.plain(limit: 100))")
        }
        for (name, value) in [("--ready-within", readyWithin), ("--exit-within", exitWithin)] {
            guard value > 0, value <= 3600 else { throw ValidationError("\(name) is 0 to 3600 seconds") }
        }
    }

    /// What is to be played against.
    ///
    /// - Throws: `CommandError`.
    func open(command: [String], scenario: Scenario, outside: Bool = false) async throws -> ReplayTarget {
        let endpoint = try url.flatMap { Endpoint(url: $0) }.map { try allowed($0) }
        if !command.isEmpty {
            let environment = World.current.environment
            let agent = agent ? try AgentLaunch(command, environment: environment) : nil
            var launcher = agent?.launcher(environment) ?? Launcher(command)
            (launcher.readiness, launcher.patience) = (.seconds(readyWithin), .seconds(exitWithin))
            return outside ? .outside(launcher, endpoint) : .launched(launcher, endpoint, agent)
        }
        if let pid { return .process(pid, endpoint) }
        if let endpoint { return .url(endpoint) }
        return Self.embedded(policy, clients: scenario.mostClients, program: World.current.program)
    }

    /// The embedded server: in this process, or, where its clients' descriptors would not fit beside its own and their work beside its
    /// work, in one of its own, which is observed over its socket.
    static func embedded(_ policy: PolicyName, clients: Int, program: String) -> ReplayTarget {
        guard clients > inProcessLimit else { return .embedded(policy) }
        let command = [
            program, "serve", "--port", "0", "--policy", policy.rawValue, "--connections", "\(clients)", "--quiet",
        ]
        return .launched(Launcher(command), nil, nil)
    }

    /// Most clients that share a process with the embedded server. Tests have fewer.
    @TaskLocal static var inProcessLimit = 9000

    private func allowed(_ endpoint: Endpoint) throws -> Endpoint {
        guard endpoint.isLoopback || iOwnThisHost == endpoint.host else {
            throw CommandError(
                "\(endpoint.host.plain(limit: 100)) is not this machine",
                why: "a scenario is load, and load goes to loopback unless you vouch for the host",
                do: "--i-own-this-host \(endpoint.host.plain(limit: 100))", status: .usage)
        }
        return endpoint
    }
}

/// A target that can be played against and watched.
struct OpenedTarget: Sendable {
    var probe: any Probe
    var endpoint: Endpoint
    /// Whether the server itself is watched, and not only by its clients.
    var seesServer: Bool
    /// Whether the server is in this process.
    var isEmbedded = false
    /// Signals a server that was launched.
    var control: ScenarioRun.ServerControl?
    /// What cannot be seen of it, and why.
    var remarks: [String] = []
    /// What a launched server wrote last.
    var log: LogTail?
    /// Watches what a launched server does after its last client, where its memory is not read.
    var aftermath: AftermathWatch?
}

/// What a scenario is played against.
enum ReplayTarget: Sendable {
    case embedded(PolicyName)
    case url(Endpoint)
    case process(Int32, Endpoint?)
    case launched(Launcher, Endpoint?, AgentLaunch?)
    /// Launched, and seen from outside only.
    case outside(Launcher, Endpoint?)

    /// Makes it ready, plays, and ends what was started.
    func run(_ play: @escaping @Sendable (OpenedTarget) async throws -> ReplayResult) async throws -> ReplayResult {
        switch self {
        case .embedded(let policy):
            let target = try await EmbeddedTarget.start(policy: policy.policy(), loops: 1, port: 0)
            let opened = OpenedTarget(
                probe: target.probe, endpoint: Endpoint(port: target.server.port), seesServer: true, isEmbedded: true)
            do {
                let result = try await play(opened)
                await target.server.stop(deadline: .zero)
                return result
            } catch {
                await target.server.stop(deadline: .zero)
                throw error
            }
        case .url(let endpoint):
            return try await play(
                OpenedTarget(
                    probe: OutsideProbe(endpoint, tool: Loopscope.version), endpoint: endpoint, seesServer: false))
        case .process(let pid, let endpoint):
            let endpoint = try endpoint ?? Self.endpoint(of: pid)
            var result = try await play(try Self.attached(pid, endpoint))
            if [.targetExited, .targetReplaced].contains(result.session.end.reason) {
                result.failure = CommandError(
                    "process \(pid) ended in the middle of the scenario",
                    why: result.session.end.detail?.plain(limit: 300),
                    do: "look at its own log; what was seen until then stands above", status: .inconclusive)
            }
            return result
        case .launched(let launcher, let endpoint, let agent):
            defer { agent?.folder.remove() }
            return try await launch(launcher, endpoint, agent, play)
        case .outside(let launcher, let endpoint):
            return try await launchOutside(launcher, endpoint, play)
        }
    }

    private func launch(
        _ launcher: Launcher, _ endpoint: Endpoint?, _ agent: AgentLaunch?,
        _ play: @escaping @Sendable (OpenedTarget) async throws -> ReplayResult
    ) async throws -> ReplayResult {
        do {
            var (result, ending) = try await launcher.run { server, socket in
                let obstacle = agent.flatMap { $0.obstacle(of: server) }
                var opened = try Self.attached(
                    server.leader, endpoint ?? Endpoint(host: socket.host, port: socket.port),
                    counted: obstacle == nil ? agent?.folder : nil)
                if let obstacle {
                    opened.remarks.append("nothing is counted: \(obstacle); it is read from outside instead")
                }
                opened.takeControl(of: server)
                return try await Self.play(opened, on: server, play)
            }
            result.complete(ending, of: launcher)
            return result
        } catch let error as LaunchError {
            throw CommandError(error)
        }
    }

    /// What goes wrong because the server has died says so, and what the server wrote.
    static func play(
        _ opened: OpenedTarget, on server: LaunchedServer,
        _ play: @escaping @Sendable (OpenedTarget) async throws -> ReplayResult
    ) async throws -> ReplayResult {
        do { return try await play(opened) } catch {
            guard !Task.isCancelled, let death = server.death else { throw error }
            throw death
        }
    }

    /// A server whose memory may not be read is seen through /proc only: the rest can still be judged.
    private static func attached(
        _ pid: Int32, _ endpoint: Endpoint, counted folder: AgentFolder? = nil
    ) throws -> OpenedTarget {
        do {
            let target = try AttachTarget(pid: pid, rate: 100, agent: folder)
            return OpenedTarget(
                probe: target.probe, endpoint: endpoint, seesServer: true, remarks: target.remarks)
        } catch let error as CommandError where error.status == .notPermitted {
            let remark = "consumers, tasks, loops and groups cannot be seen: \(error.what)"
            return unread(pid, endpoint, remark + (error.remedy.map { " (\($0))" } ?? ""))
        }
    }

    /// A server that is seen through /proc only.
    static func unread(_ pid: Int32, _ endpoint: Endpoint, _ remark: String) -> OpenedTarget {
        let family = ([pid] + ProcessTree(below: pid).descendants(of: pid)).prefix(AttachTarget.processLimit)
        return OpenedTarget(
            probe: CompositeProbe(leaders: family.map { ProcessProbe(pid: $0, tool: Loopscope.version) }),
            endpoint: endpoint, seesServer: true, remarks: [remark])
    }

    /// Where a running process, or one of its workers, listens.
    private static func endpoint(of pid: Int32) throws -> Endpoint {
        let family = [pid] + ProcessTree(below: pid).descendants(of: pid)
        guard let socket = family.lazy.flatMap({ ListeningSocket.all(of: $0) }).first else {
            throw CommandError(
                "process \(pid) listens on no TCP port that can be seen",
                why: "it may have ended, or listen on a Unix socket",
                do: "say where it listens: --url ws://127.0.0.1:PORT", status: .unavailable)
        }
        return Endpoint(host: socket.host, port: socket.port)
    }
}

extension CommandError {
    /// A launch that failed, with what the server wrote last.
    init(_ error: LaunchError) {
        func tail(_ log: [String]) -> String? { Self.tail(of: log) }
        switch error {
        case .cannotStart(let command, let why):
            self.init(
                "cannot start \(command.plain(limit: 100))", why: why.plain(limit: 300),
                do: "check the command that stands after `--`", status: .unavailable)
        case .ended(let command, let how, let log):
            self.init(
                "\(command.plain(limit: 100)) ended \(how), before it listened", why: tail(log),
                do: "run the command by itself first", status: .unavailable)
        case .died(let how, let log):
            self.init(
                "the server ended \(how) in the middle of the scenario", why: tail(log),
                do: "look at its own log; `loopscope report FILE` shows what was seen until then, where --save kept it",
                status: .unavailable)
        case .notReady(let command, let seconds, let log):
            self.init(
                "\(command.plain(limit: 100)) runs, and listens on no TCP port after \(Int(seconds)) s", why: tail(log),
                do: "give it longer (--ready-within), or say where it listens (--url)", status: .unavailable)
        }
    }
}

extension CommandError {
    /// What a server wrote last, as a reason; `nil` when it wrote nothing.
    static func tail(of log: [String]) -> String? {
        guard !log.isEmpty else { return nil }
        return "it wrote last:\n" + log.suffix(12).map { "       " + $0.plain(limit: 200) }.joined(separator: "\n")
    }
}

extension ReplayResult {
    /// Completes what is known only when a launched server has ended: how long it took, or that it had ended before it was asked to.
    mutating func complete(_ ending: Launcher.Ending, of launcher: Launcher) {
        exitSeconds = ending.exitSeconds ?? (ending.wasKilled ? .infinity : nil)
        outcome.complete(exitSeconds: exitSeconds)
        if ending.endedItself { failure = CommandError(.died(how: ending.words, log: ending.log)) }
        if ending.wasKilled {
            notes.append(
                "the server did not end within \(launcher.patience.components.seconds) s of SIGTERM and was killed")
        } else if ending.outlived > 0 {
            notes.append(
                "\(ending.outlived == 1 ? "1 process" : "\(ending.outlived) processes") of the server went on when it had ended, and had to be ended too"
            )
        }
    }
}
