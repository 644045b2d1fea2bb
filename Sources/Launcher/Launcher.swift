public import ProcessProbe
import Subprocess
import SystemPackage
import Synchronization

/// Starts a server, waits until it listens, and ends it: SIGTERM first, and SIGKILL when it does not go.
public struct Launcher: Sendable {
    /// How a launched server ended.
    public struct Ending: Sendable {
        /// Its exit code; `nil` when a signal ended it.
        public var code: Int32?
        /// The signal that ended it.
        public var signal: Int32?
        /// From SIGTERM to its end, in seconds; `nil` when it was killed, or ended by itself.
        public var exitSeconds: Double?
        /// Whether it had to be killed.
        public var wasKilled: Bool
        /// Whether it had ended before it was asked to.
        public var endedItself = false
        /// How many processes of its own went on when it had ended, and had to be ended too.
        public var outlived = 0
        /// What it wrote last.
        public var log: [String] = []

        /// How it ended, in words.
        public var words: String {
            ProcessEnd(code: code, signal: signal).words
        }
    }

    /// The command and its arguments.
    public var command: [String]
    /// How long it may take to listen.
    public var readiness: Duration
    /// How long it may take to end after SIGTERM.
    public var patience: Duration
    /// What is changed in the environment that it inherits.
    public var environment: [String: String] = [:]
    /// Takes what it writes, standard output and error alike; `nil` keeps the last lines only. Called from any thread.
    public var relay: (@Sendable ([UInt8]) -> Void)?
    /// Processes that are the server's although no line of parents leads to it any more: it has made a daemon of itself.
    public var adopted: @Sendable () -> [Int32] = { [] }

    /// A launcher of a command.
    public init(_ command: [String], readiness: Duration = .seconds(30), patience: Duration = .seconds(10)) {
        (self.command, self.readiness, self.patience) = (command, readiness, patience)
    }

    /// Starts the server, calls `body` once it listens, then ends it.
    ///
    /// - Throws: `LaunchError`; what `body` throws, after the server has been ended.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable (LaunchedServer, ListeningSocket) async throws -> Value
    ) async throws -> (value: Value, ending: Ending) {
        guard let program = command.first else {
            throw LaunchError.cannotStart(command: "", why: "there is no command")
        }
        let log = LogTail()
        Subreaper.begin()
        defer { Subreaper.end() }
        var options = PlatformOptions()
        options.createSession = true
        let mark = Kin.newMark()
        var changes: [Environment.Key: String?] = [:]
        for (name, value) in environment.merging([Kin.variable: mark], uniquingKeysWith: { $1 }) {
            if let key = Environment.Key(rawValue: name) { changes[key] = value }
        }
        do {
            let result = try await Subprocess.run(
                program.contains("/") ? .path(FilePath(program)) : .name(program),
                arguments: Arguments(Array(command.dropFirst())), environment: .inherit.updating(changes),
                platformOptions: options, input: .none, output: .sequence, error: .combinedWithOutput
            ) { execution in
                let server = LaunchedServer(
                    pid: execution.processIdentifier.value, mark: mark, log: log, adopted: adopted)
                return await withTaskGroup(of: Outcome<Value>?.self) { tasks in
                    tasks.addTask {
                        // A worker may keep the pipe open after its master has gone: cancelled below.
                        do {
                            for try await piece in execution.standardOutput {
                                piece.withUnsafeBytes {
                                    log.append($0)
                                    relay?(Array($0))
                                }
                            }
                        } catch { return nil }
                        return nil
                    }
                    tasks.addTask { await attend(server, body) }
                    var outcome: Outcome<Value>?
                    while outcome == nil, let next = await tasks.next() { outcome = next }
                    if relay != nil {
                        // Its last words are on their way through the pipe, unless a worker keeps that open.
                        tasks.addTask {
                            try? await Task.sleep(for: .milliseconds(300))
                            return nil
                        }
                        _ = await tasks.next()
                    }
                    tasks.cancelAll()
                    return outcome
                }
            }
            guard let outcome = result.closureResult else { throw CancellationError() }
            var ending = outcome.ending
            switch result.terminationStatus {
            case .exited(let code): ending.code = code
            case .signaled(let signal): ending.signal = signal
            }
            return (try outcome.value.get(), ending)
        } catch let error as SubprocessError {
            throw LaunchError.cannotStart(command: program, why: "\(error)")
        }
    }

    private struct Outcome<Value: Sendable>: Sendable {
        var value: Result<Value, any Error>
        var ending = Ending(wasKilled: false)
    }

    private func attend<Value: Sendable>(
        _ server: LaunchedServer, _ body: @Sendable (LaunchedServer, ListeningSocket) async throws -> Value
    ) async -> Outcome<Value> {
        var outcome: Outcome<Value>
        do {
            let socket = try await ready(server)
            outcome = Outcome(value: .success(try await body(server, socket)))
        } catch {
            outcome = Outcome(value: .failure(error))
        }
        // A cancelled task still owes the server its end.
        outcome.ending = await Task.detached { await end(server) }.value
        outcome.ending.log = server.log.lines
        return outcome
    }

    /// Waits until the server listens.
    private func ready(_ server: LaunchedServer) async throws -> ListeningSocket {
        let clock = ContinuousClock()
        let deadline = clock.now + readiness
        while clock.now < deadline {
            if let socket = server.listening().first { return socket }
            // One that makes a daemon of itself ends with 0 and leaves it behind; one that fails may leave a helper.
            guard !server.hasFailed else {
                // What it wrote last may still be on its way through the pipe.
                try await Task.sleep(for: .milliseconds(50))
                throw LaunchError.ended(
                    command: command[0], how: (server.leaderEnd ?? ProcessEnd()).words, log: server.log.lines)
            }
            // Nobody tells when another process begins to listen: /proc is asked again.
            try await Task.sleep(for: .milliseconds(20))
        }
        throw LaunchError.notReady(command: command[0], seconds: readiness.inSeconds, log: server.log.lines)
    }

    /// SIGTERM, then SIGKILL for whatever has come of it and is left.
    private func end(_ server: LaunchedServer) async -> Ending {
        let clock = ContinuousClock()
        var ending = Ending(wasKilled: false)
        ending.endedItself = server.hasFailed && server.terminationTime == nil
        guard server.isRunning || server.terminationTime != nil else { return ending }
        server.thaw()
        server.terminate()
        let start = server.terminationTime ?? clock.now
        // The server times its own end; `exit.seconds` is exact to this.
        while server.endTime == nil, clock.now < start + patience { try? await Task.sleep(for: .milliseconds(5)) }
        ending.wasKilled = server.endTime == nil && server.isRunning
        ending.outlived = server.outlived
        if !ending.wasKilled { ending.exitSeconds = ((server.endTime ?? clock.now) - start).inSeconds }
        server.killAll()
        return ending
    }
}

extension Duration {
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
