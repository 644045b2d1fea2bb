import CThreadUser
import Clocks
import Foundation
@preconcurrency import Glibc
import Instruments
import NIOCore
import NIOPosix
import Observations
import Synchronization
import Testing

@testable import ObservationSocket

/// Keeps what is recorded.
private final class Collector: ObservationSink {
    private let log = Mutex<[Observation]>([])
    func record(_ observations: [Observation]) { log.withLock { $0 += observations } }
    var all: ObservationLog { ObservationLog(log.withLock { $0 }) }

    /// Waits until `isSo` holds; gives up after ten seconds.
    func eventually(_ what: String, _ isSo: (ObservationLog) -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(10)
        while !isSo(all) {
            guard ContinuousClock.now < end else {
                Issue.record("never came true: \(what)")
                return
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// A place of a test's own.
private func makePlace() -> SocketPlace {
    SocketPlace(folder: "/tmp/loopscope-test-\(getpid())-\(UInt32.random(in: 0 ... .max))", name: "a.socket")
}

@Suite("The observation socket, both ends", .serialized) struct SocketTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// A loop that counts, offered at a place.
    private func offer(
        _ body: (SocketPlace, LoopInstrument, ObservationListener) async throws -> Void
    ) async throws {
        let instrument = Instrument(keepsBeginning: false)
        let meter = instrument.makeLoop(loop)
        try await loop.submit { meter.start() }.get()
        let place = makePlace()
        let listener = try await ObservationListener.start(description: "a test", at: place) {
            InstrumentProbe(instrument, description: "a test")
        }
        do { try await body(place, meter, listener) } catch { Issue.record("\(error)") }
        await listener.stop()
        try await loop.submit { meter.stop() }.get()
        rmdir(place.folder)
    }

    private func join(_ place: SocketPlace, _ sink: Collector) throws -> Task<SessionEnd, any Error> {
        let probe = StreamProbe(try ObservationStream(pid: getpid(), at: place), tool: "test", now: Moment.now)
        return Task { try await probe.observe(into: sink) }
    }

    @Test("who joins late is told who is alive, then what happens; who leaves is forgotten")
    func late() async throws {
        try await offer { place, meter, _ in
            let early = try await loop.submit {
                let early = meter.connectionOpened(path: "/early", hasHandshake: true)
                early.connectionAccepted()
                early.instanceStarted("A", type: nil, route: nil, tasks: ["application"])
                return early
            }.get()
            let sink = Collector()
            let observing = try join(place, sink)
            try await sink.eventually("the early connection is known") { log in
                log.connections().map(\.step) == [.opened, .accepted, .started]
            }
            try await loop.submit {
                early.connectionClosed(code: 1000)
                early.instanceEnded(.returned)
            }.get()
            try await sink.eventually("its end is told") { $0.connections().map(\.step).contains(.ended) }
            let windows = sink.all.consumerWindows()
            #expect(windows.reduce(0) { $0 + $1.tasksStarted } == 1)
            #expect(windows.reduce(0) { $0 + $1.tasksEnded } == 1)
            observing.cancel()
            #expect(try await observing.value.reason == .interrupted)
        }
    }

    @Test("two observe at once, and both see everything")
    func two() async throws {
        try await offer { place, meter, _ in
            let sinks = [Collector(), Collector()]
            let observing = try sinks.map { try join(place, $0) }
            for sink in sinks { try await sink.eventually("windows come") { !$0.loops().isEmpty } }
            try await loop.submit {
                meter.connectionOpened(path: "/", hasHandshake: true).connectionClosed(code: nil)
            }.get()
            for sink in sinks { try await sink.eventually("both steps") { $0.connections().count == 2 } }
            for task in observing { task.cancel() }
            for task in observing { _ = try await task.value }
        }
    }

    @Test("a process that ends says so")
    func ending() async throws {
        try await offer { place, _, listener in
            let sink = Collector()
            let observing = try join(place, sink)
            try await sink.eventually("windows come") { !$0.loops().isEmpty }
            await listener.stop()
            let end = try await observing.value
            #expect(end.reason == .targetExited && end.detail == "it is shutting down")
            #expect(access(place.path, F_OK) != 0)
        }
    }

    @Test("socket and folder are the user's alone")
    func modes() async throws {
        try await offer { place, _, _ in
            var status = stat()
            #expect(lstat(place.path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            #expect(lstat(place.folder, &status) == 0 && status.st_mode & 0o777 == 0o700)
        }
    }

    @Test(
        "another user is told nothing, even where the modes let it in",
        .enabled(if: geteuid() == 0, "only root can be another user"))
    func otherUser() async throws {
        try await offer { place, _, _ in
            chmod(place.folder, 0o755)
            chmod(place.path, 0o666)
            let hello = #"{"hello":{"version":1}}"# + "\n"
            let told = try await Self.asNobody { try self.answer(to: hello, at: place) }
            #expect(told == "")
            // This user is answered.
            let answer = try self.answer(to: hello, at: place)
            #expect(answer.contains("welcome"))
            chmod(place.folder, 0o700)
        }
    }

    /// Runs `body` on a thread that is nobody's; the process stays who it is.
    private static func asNobody<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        try await onThread {
            guard ctu_become(65_534) == 0 else { throw POSIXError(.EPERM) }
            return try body()
        }
    }

    /// Runs `body` on a thread of its own.
    private static func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value
    {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
        }
    }

    @Test("who takes the connection and says nothing, or a byte now and then, is given up in time", arguments: [0, 40])
    func silentServers(bytes: Int) async throws {
        let place = makePlace()
        try place.makeFolder()
        let listener = try listen(place)
        async let server: Void = Self.onThread {
            let client = accept(listener, nil, nil)
            // Slower than one waits for it, and never silent for as long: until the other side has gone.
            for _ in 0..<bytes where send(client, "x", 1, Int32(MSG_NOSIGNAL)) == 1 { usleep(20_000) }
            var byte: UInt8 = 0
            while recv(client, &byte, 1, 0) > 0 {}
            close(client)
        }
        let failure = try await Self.onThread {
            #expect(throws: ObservationStream.Failure.self) {
                _ = try ObservationStream(pid: getpid(), at: place, patience: .milliseconds(200))
            }
        }
        #expect(failure == .silent)
        try await server
        close(listener)
        unlink(place.path)
        rmdir(place.folder)
    }

    /// What comes back for a line, to the end of the connection or to the first answer.
    private func answer(to line: String, at place: SocketPlace) throws -> String {
        let socket = try connect(place)
        defer { close(socket) }
        _ = send(socket, line, line.utf8.count, Int32(MSG_NOSIGNAL))
        var buffer = [UInt8](repeating: 0, count: 1000)
        let count = recv(socket, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    @Test("a folder that others may enter, or a link in its place, is not used")
    func untrusted() async throws {
        let open = makePlace()
        mkdir(open.folder, 0o755)
        chmod(open.folder, 0o755)
        let link = makePlace()
        symlink("/tmp", link.folder)
        for place in [open, link] {
            #expect(throws: SocketPlace.Untrusted.self) { try place.makeFolder() }
        }
        rmdir(open.folder)
        unlink(link.folder)
    }

    @Test("another version, too long a line and rubbish are refused, and the process goes on")
    func hostileClients() async throws {
        try await offer { place, _, _ in
            for (line, answer) in [
                (#"{"hello":{"version":99}}"# + "\n", "version 1"), ("GET / HTTP/1.1\n", "not a loopscope"),
                (String(repeating: "x", count: 10_000), "longer than"), ("[[[[[[[[\n", "not a loopscope"),
            ] {
                let socket = try connect(place)
                #expect(send(socket, line, line.utf8.count, Int32(MSG_NOSIGNAL)) == line.utf8.count)
                var buffer = [UInt8](repeating: 0, count: 1000)
                let count = recv(socket, &buffer, buffer.count, 0)
                #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).contains(answer))
                close(socket)
            }
            let sink = Collector()
            let observing = try join(place, sink)
            try await sink.eventually("windows come") { !$0.loops().isEmpty }
            observing.cancel()
            _ = try await observing.value
        }
    }

    @Test("a server that lies, or dies, ends the session with what was seen", arguments: 0..<4)
    func hostileServers(kind: Int) async throws {
        let place = makePlace()
        try place.makeFolder()
        let listener = try listen(place)
        // A thread of its own: the pool's may all be waiting for such a server.
        async let server: Void = Self.onThread {
            let client = accept(listener, nil, nil)
            var hello = [UInt8](repeating: 0, count: 100)
            _ = recv(client, &hello, 100, 0)
            self.write(client, #"{"welcome":{"version":1,"description":"\u001b[2J"}}"# + "\n")
            let note = #"{"note":{"_0":{"time":1,"text":"seen"}}}"# + "\n"
            self.write(client, note)
            switch kind {
            case 0: break
            case 1: self.write(client, String(repeating: "x", count: Wire.lineLimit + 10))
            case 2: self.write(client, String(repeating: "{}\n", count: 11_000))
            default: self.write(client, note.dropLast(9) + "\n" + note)
            }
            close(client)
        }
        let stream = try ObservationStream(pid: getpid(), at: place)
        #expect(stream.description == #"\u{1B}[2J"#)
        let sink = Collector()
        let end = try await StreamProbe(stream, tool: "test", now: Moment.now).observe(into: sink)
        try await server
        #expect(end.reason == (kind == 1 || kind == 2 ? .failed : .targetExited))
        #expect(end.detail?.isEmpty == false)
        let notes = sink.all.notes().map(\.text)
        #expect(notes.filter { $0 == "seen" }.count == (kind == 3 ? 2 : 1))
        #expect(notes.contains { $0.contains("not understood") } == (kind >= 2))
        close(listener)
        unlink(place.path)
        rmdir(place.folder)
    }

    @Test("the answer of another process than the one asked for is not taken; nor is a socket that nobody listens at")
    func impostor() async throws {
        try await offer { place, _, _ in
            #expect(throws: ObservationStream.Failure.impostor(pid: getpid())) {
                _ = try ObservationStream(pid: 1, at: place)
            }
        }
        let place = makePlace()
        try place.makeFolder()
        close(try listen(place))
        #expect(throws: ObservationStream.Failure.stale) { _ = try ObservationStream(pid: getpid(), at: place) }
        unlink(place.path)
        rmdir(place.folder)
    }

    // MARK: Sockets without a library

    private func write(_ socket: Int32, _ text: some StringProtocol) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private func address<Result>(_ place: SocketPlace, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result
    {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(place.path.utf8)) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
        }
    }

    private func connect(_ place: SocketPlace) throws -> Int32 {
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try #require(address(place) { Glibc.connect(socket, $0, $1) } == 0)
        return socket
    }

    private func listen(_ place: SocketPlace) throws -> Int32 {
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        try #require(address(place) { bind(socket, $0, $1) } == 0 && Glibc.listen(socket, 1) == 0)
        return socket
    }
}
