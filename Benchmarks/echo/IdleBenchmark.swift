import ConsumerRuntime
import Demo
import EmbeddedProbe
import Glibc
import Instruments
import NIOCore
import NIOPosix
import Observations
import RealtimeServer
import WebSocket

/// What an idle connection costs: the server in a process of its own, with everything on, or bare, and this process as its
/// clients. The slope of the resident set from 1 000 to 9 000 connections; then 10 000, and an echo on each.
enum IdleBenchmark {
    private static let steps = [1000, 9000, 10_000]

    /// One JSON line for each kind of server.
    static func run() throws {
        guard let limit = DescriptorLimit.raise(for: steps.last), limit.connections >= steps.last ?? 0 else {
            throw BenchmarkError("10 000 connections need more descriptors than this process may have")
        }
        for kind in ["instrumented", "bare"] { try measure(kind) }
    }

    private static func measure(_ kind: String) throws {
        let server = try ServerProcess(kind)
        var clients: [RawClient.Idle] = []
        var resident: [Int: Int] = [:]
        for step in steps {
            while clients.count < step { clients.append(try RawClient.Idle(port: server.port, path: "/ws/echo/")) }
            resident[step] = try settledResidentBytes(of: server.pid)
        }
        var echoed = 0
        for client in clients where try client.echoes() { echoed += 1 }
        for client in clients { close(client.socket) }
        let slope = Double((resident[9000] ?? 0) - (resident[1000] ?? 0)) / 8000
        print(
            #"{"server": "runtime, \#(kind)", "connections": \#(clients.count), "echoed": \#(echoed), "#
                + #""bytes_per_idle_connection": \#(Int(slope)), "resident_bytes": \#(resident[10_000] ?? 0)}"#)
        fflush(nil)
    }

    /// The server: until it is killed. A quiet one sends no pings.
    static func serve(_ kind: String, isQuiet: Bool) async throws {
        if kind == "plain" {
            print(try await PlainServer().port)
            fflush(nil)
            try await Task.sleep(for: .seconds(3600))
        }
        let instrument = kind == "bare" ? nil : Instrument()
        let server = try await RealtimeServer.start(
            application: DemoApplication.make(layer: InMemoryChannelLayer(instrument: instrument)),
            configuration: isQuiet
                ? ServerConfiguration(policy: .hypercorn) : ServerConfiguration(connections: 10_000),
            instrument: instrument)
        print(server.port)
        fflush(nil)
        if let instrument { _ = try await EmbeddedProbe(instrument).observe(into: Nowhere()) }
        try await Task.sleep(for: .seconds(3600))
    }

    /// The resident set when it no longer grows: the same in two readings a second apart, within 1 %.
    private static func settledResidentBytes(of pid: pid_t) throws -> Int {
        var last = 0
        while true {
            guard let file = fopen("/proc/\(pid)/statm", "r") else { throw BenchmarkError("the server is gone") }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 256)
            guard fgets(&line, 256, file) != nil else { throw BenchmarkError("the server is gone") }
            let words = String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
            let bytes = (words.count > 1 ? Int(words[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
            if abs(bytes - last) * 100 < bytes { return bytes }
            last = bytes
            usleep(1_000_000)
        }
    }
}

extension RawClient {
    /// One connection that waits.
    struct Idle {
        let socket: Int32

        init(port: Int, path: String) throws {
            socket = try RawClient.connect(port)
            try RawClient.shakeHands(socket, path)
        }

        /// Whether what is sent comes back.
        func echoes() throws -> Bool {
            var writer = FrameWriter.client()
            try RawClient.write(socket, writer.frame(.text, Array("hello".utf8)))
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = recv(socket, &buffer, buffer.count, 0)
            // The server pings too: the echo is what ends with the text.
            return count > 0 && buffer.prefix(count).suffix(5).elementsEqual(Array("hello".utf8))
        }
    }
}
