import Clocks
import Launcher
import Observations
import Policy
import ProcessProbe
import RemoteProcess
import Replay

/// Asks a server what `doctor` asks: one that runs, or one that is launched for it, and ended.
struct DoctorVisit: Sendable {
    private let options: DoctorOptions
    private let isQuiet: Bool
    private let world: World

    init(_ options: DoctorOptions, isQuiet: Bool, world: World) {
        (self.options, self.isQuiet, self.world) = (options, isQuiet, world)
    }

    /// A running server's row.
    ///
    /// - Parameter pid: its process, if it is known.
    /// - Throws: `CommandError`.
    func row(of target: DoctorTarget?, pid: Int32?) async throws -> PolicyRow {
        guard let target else { throw CommandError("there is no URL", status: .usage) }
        try allow(target)
        let start = Moment.now()
        let process = pid ?? (target.endpoint.isLoopback ? Self.listener(on: target.endpoint.port) : nil)
        return try await withGroup { group in
            do {
                return try await ask(prober(target, process, group), since: start, keeping: .zero)
            } catch let refusal as PolicyProber.Refusal {
                throw CommandError(refusal, at: target, log: [])
            }
        }
    }

    /// The row of a server that is launched twice: to be ended with stubborn clients, then to be asked and ended with
    /// well-behaved ones.
    ///
    /// - Throws: `CommandError`.
    func row(launching command: [String], at target: DoctorTarget?) async throws -> PolicyRow {
        if let target { try allow(target) }
        let start = Moment.now()
        let patience = Nanoseconds(Duration.seconds(options.exitWithin))
        return try await withGroup { group in
            var stubborn: PolicyAnswer?
            var needed = patience
            if options.questions.contains(.stubbornShutdown) {
                say("launched, to be ended with clients that do not answer its close")
                let first: (answer: PolicyAnswer?, took: Nanoseconds?, row: PolicyRow?) = try await launch(
                    command, target
                ) {
                    server, target in
                    let began = Moment.now() - start
                    // One that takes its time to start is launched once: a second launch would take the questions' time.
                    guard began.seconds <= options.within / Self.launchShare else {
                        let why =
                            "not measured: the server takes \(Int(began.seconds.rounded())) s to listen, and a second launch has no room in "
                            + "\(Int(options.within)) s; give it longer: --within"
                        let row = try await ask(
                            server, target, since: start, keeping: patience, patience, .unknown(why), group)
                        return (nil, nil, row)
                    }
                    let ending = Moment.now()
                    let answer = try await end(server, prober(target, nil, group), stubborn: true, patience)
                    return (answer, Moment.now() - ending, nil)
                }
                if let row = first.row { return row }
                stubborn = first.answer
                // The second ending takes about what the first one took, its clients' handshakes included.
                needed = first.took.map { $0 + .seconds(1) } ?? patience
            }
            say("launched again, to be asked")
            return try await launch(command, target) { [stubborn, needed] server, target in
                try await ask(server, target, since: start, keeping: needed, patience, stubborn, group)
            }
        }
    }

    /// A start may take this part of the time, and a second one is still made.
    private static let launchShare = 6.0

    /// Asks a launched server, and ends it.
    ///
    /// - Parameter reserve: what ending it will need of the time.
    private func ask(
        _ server: LaunchedServer, _ target: DoctorTarget, since start: Moment, keeping reserve: Nanoseconds,
        _ patience: Nanoseconds,
        _ stubborn: PolicyAnswer?, _ group: ClientGroup
    ) async throws -> PolicyRow {
        let asksShutdown = options.questions.contains(.shutdown)
        var row = try await ask(
            prober(target, server.leader, group), since: start, keeping: asksShutdown ? reserve : .zero)
        if asksShutdown {
            say("told to end with well-behaved clients")
            row.answers[.shutdown] = try await end(server, prober(target, nil, group), stubborn: false, patience)
        }
        row.answers[.stubbornShutdown] = stubborn
        return row
    }

    private func launch<Value: Sendable>(
        _ command: [String], _ target: DoctorTarget?,
        _ body: @escaping @Sendable (LaunchedServer, DoctorTarget) async throws -> Value
    ) async throws -> Value {
        let launcher = Launcher(
            command, readiness: .seconds(options.readyWithin), patience: .seconds(options.exitWithin))
        do {
            return try await launcher.run { [path = options.path] server, socket in
                let own = DoctorTarget(endpoint: Endpoint(host: socket.host, port: socket.port), path: path)
                do {
                    return try await body(server, target ?? own)
                } catch let refusal as PolicyProber.Refusal {
                    throw CommandError(refusal, at: target ?? own, log: server.log.lines)
                }
            }.value
        } catch let error as LaunchError {
            throw CommandError(error)
        }
    }

    private func end(
        _ server: LaunchedServer, _ prober: PolicyProber, stubborn: Bool, _ patience: Nanoseconds
    ) async throws -> PolicyAnswer {
        try await prober.shutdown(
            stubborn: stubborn, patience: patience, terminate: { server.terminate() },
            isRunning: { server.isRunning })
    }

    // MARK: Asking

    private func prober(_ target: DoctorTarget, _ pid: Int32?, _ group: ClientGroup) -> PolicyProber {
        var prober = PolicyProber(target.endpoint, path: target.path, headers: options.fields, group: group)
        prober.hangingPath = options.hangingPath
        prober.questions = options.questions
        if let pid { prober.residentMemory = { Self.residentMemory(of: pid) } }
        return prober
    }

    /// - Parameter reserve: what is needed of the time afterwards.
    private func ask(_ prober: PolicyProber, since start: Moment, keeping reserve: Nanoseconds) async throws
        -> PolicyRow
    {
        // Two seconds for what comes before and after the questions.
        let spent: Nanoseconds = Moment.now() - start + reserve + Nanoseconds.seconds(2)
        let budget = Nanoseconds(Duration.seconds(options.within))
        let left = max(Nanoseconds.seconds(1), budget - spent)
        return try await prober.row(within: left) { (answered: Int, all: Int, seconds: Int) in
            say("\(answered) of \(all) questions answered, \(seconds) s at most to go")
        }
    }

    private func withGroup(_ body: (ClientGroup) async throws -> PolicyRow) async throws -> PolicyRow {
        let group = ClientGroup()
        defer { clear() }
        do {
            let row = try await body(group)
            await group.stop()
            return row
        } catch {
            await group.stop()
            throw error
        }
    }

    private func allow(_ target: DoctorTarget) throws {
        let host = target.endpoint.host
        guard target.endpoint.isLoopback || options.iOwnThisHost == host else {
            throw CommandError(
                "\(host.plain(limit: 100)) is not this machine",
                why:
                    "doctor opens some 200 connections and leaves some of them hanging, which only the owner may allow",
                do: "--i-own-this-host \(host.plain(limit: 100))", status: .usage)
        }
    }

    // MARK: The server's process

    /// The process that listens on a port, as far as we may see it.
    private static func listener(on port: Int) -> Int32? {
        let proc = ProcFS()
        let own = (try? proc.readLink("\(proc.root)/self")).flatMap { Int32($0) }
        // A master stands before its workers, whose sockets are its own.
        return ((try? proc.numbers(in: proc.root)) ?? []).first { pid in
            pid != own && ListeningSocket.all(of: pid).contains { $0.port == port }
        }
    }

    /// The resident memory of a process and of all it started, in bytes.
    private static func residentMemory(of pid: Int32) -> Int? {
        let proc = ProcFS()
        let pages = ([pid] + ProcessTree(proc).descendants(of: pid)).compactMap { member in
            (try? proc.read(member, "stat", limit: 4096)).flatMap { ProcStat(parsing: $0) }?.residentPages
        }
        return pages.isEmpty ? nil : pages.reduce(0, +) * Machine.pageSize
    }

    // MARK: Progress

    private func say(_ text: String) {
        if !isQuiet, world.errorIsTerminal { world.error("\r\(text)\u{1B}[K") }
    }

    private func clear() { say("") }
}
