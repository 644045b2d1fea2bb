import Launcher
import Observations
import ProcessProbe
import Replay
import Scenarios
import Session

extension ReplayTarget {
    /// Launches the server twice: once to see how long it takes to end when nobody has visited it, once for the scenario. What it does
    /// after the last client, and how long it then takes to end, is the evidence.
    func launchOutside(
        _ launcher: Launcher, _ endpoint: Endpoint?,
        _ play: @escaping @Sendable (OpenedTarget) async throws -> ReplayResult
    ) async throws -> ReplayResult {
        do {
            let (_, idle) = try await launcher.run { _, socket in
                let group = ClientGroup()
                _ = await (endpoint ?? Endpoint(host: socket.host, port: socket.port))
                    .answers(within: .seconds(30), group: group)
                await group.stop()
            }
            let unvisited = idle.exitSeconds.map { Nanoseconds(Int64($0 * 1e9)) }
            let cancels = Self.cancelPatience(of: launcher.command)
            var (result, ending) = try await launcher.run { server, socket in
                var opened = Self.unread(
                    server.leader, endpoint ?? Endpoint(host: socket.host, port: socket.port),
                    "consumers, tasks, loops and groups are not looked at: --outside")
                opened.takeControl(of: server)
                opened.aftermath = AftermathWatch(
                    server, patience: launcher.patience, cancels: cancels, unvisited: unvisited)
                return try await Self.play(opened, on: server, play)
            }
            result.complete(ending, of: launcher)
            return result
        } catch let error as LaunchError {
            throw CommandError(error)
        }
    }

    /// How long after its connection this server cancels an application that has not ended; `nil` when it never does.
    ///
    /// Only daphne does: `--application-close-timeout`, 10 s when it is not given (daphne/cli.py 4.2).
    static func cancelPatience(of command: [String]) -> Duration? {
        guard command.contains(where: { $0.split(separator: "/").last == "daphne" }) else { return nil }
        let flag = "--application-close-timeout"
        let joined = command.first { $0.hasPrefix(flag + "=") }.flatMap { Int($0.dropFirst(flag.count + 1)) }
        let apart = command.firstIndex(of: flag).flatMap { place in
            command.indices.contains(place + 1) ? Int(command[place + 1]) : nil
        }
        return .seconds(joined ?? apart ?? 10)
    }
}

extension OpenedTarget {
    /// Lets phases signal a server that is ours, and keeps its log.
    mutating func takeControl(of server: LaunchedServer) {
        log = server.log
        control = { action in
            switch action {
            case .terminate: server.terminate()
            case .freeze: server.freeze()
            case .thaw: server.thaw()
            }
        }
    }
}
