import Foundation
import Replay
import Synchronization
import Testing

@testable import Commands

/// The examples as programs of their own, and `loopscope attach` beside them.
@Suite("Examples, run", .serialized) struct ExampleRunTests {
    private func run(_ name: String, _ body: (Process, Int) async throws -> Void) async throws {
        let example = Process()
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        example.executableURL = folder.appending(path: name)
        let output = Pipe()
        example.standardOutput = output
        try example.run()
        defer {
            if example.isRunning { kill(example.processIdentifier, SIGKILL) }
            example.waitUntilExit()
        }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        try await body(
            example,
            try #require(Int(line.split(separator: " ").dropFirst().first?.prefix { $0.isNumber } ?? ""), "\(line)"))
    }

    private func attach(_ pid: Int32, seconds: String) async throws -> [String: Any] {
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } })
        _ = await Loopscope.run(["attach", "--pid", "\(pid)", "--duration", seconds, "--json"], in: world)
        let (output, error) = printed.withLock { $0 }
        let report = try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any]
        return try #require(report, "\(error)")
    }

    @Test("the chat server of the tutorial: two guests, seen by attach, and a clean end")
    func chat() async throws {
        try await run("ChatExample") { example, port in
            let alice = try await WebSocketClient.connect(port: port, path: "/ws/chat/tea/")
            let bob = try await WebSocketClient.connect(port: port, path: "/ws/chat/tea/")
            try await alice.send(text: #"{"action": "say", "text": "hello"}"#)
            #expect(try await bob.receive() == .text(#"{"said":"hello"}"#))
            let report = try await attach(example.processIdentifier, seconds: "1.5")
            let consumers = report["consumers"] as? [[String: Any]] ?? []
            let chat = try #require(
                consumers.first { $0["name"] as? String == "ChatExample.ChatConsumer" }, "\(report)")
            #expect(chat["open"] as? Int == 2 && chat["grade"] as? String == "exact")
            #expect((report["findings"] as? [Any])?.isEmpty == true)
            await alice.close()
            kill(example.processIdentifier, SIGTERM)
            while case .text = try await bob.receive() {}
            #expect(try await bob.receive() == .closed(code: 1012, reason: ""))
            example.waitUntilExit()
            #expect(example.terminationStatus == 0)
        }
    }

    @Test("a server of bare NIO with the ledger's handler: its connections and loops, seen by attach")
    func ledger() async throws {
        try await run("LedgerExample") { example, port in
            async let attached = attach(example.processIdentifier, seconds: "2.5")
            let stays = try TCPClient(port: port)
            for _ in 0..<40 {
                let client = try TCPClient(port: port)
                #expect(client.echo("hello") == "hello")
                try await Task.sleep(for: .milliseconds(50))  // visitors for as long as it is observed
            }
            #expect(stays.echo("still") == "still")
            let report = try await attached
            let consumers = report["consumers"] as? [[String: Any]] ?? []
            let echo = try #require(consumers.first { $0["name"] as? String == "echo" }, "\(report)")
            let (opened, closed) = (echo["opened"] as? Int ?? 0, echo["closed"] as? Int ?? 0)
            #expect(closed > 0 && opened == closed + 1 && echo["open"] as? Int == 1, "\(echo)")
            #expect((report["loops"] as? [Any])?.isEmpty == false)
            #expect((report["findings"] as? [Any])?.isEmpty == true)
            kill(example.processIdentifier, SIGTERM)
            example.waitUntilExit()
            #expect(example.terminationStatus == 0)
        }
    }

    @Test("the tutorial shows the example and its test as they are")
    func tutorial() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/chat-server.md"), encoding: .utf8)
        for (file, page) in [
            ("Examples/chat/ChatServer.swift", page), ("Tests/ExamplesTests/ChatTests.swift", page),
            ("Examples/ledger/EchoServer.swift", page),
        ] {
            let source = try String(contentsOf: root.appending(path: file), encoding: .utf8)
            #expect(page.contains("```swift\n\(source)```\n"), "docs/chat-server.md does not show \(file) as it is")
        }
    }
}

/// A TCP connection that waits for its echoes.
private final class TCPClient {
    private let socket: Int32

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit { close(socket) }

    func echo(_ text: String) -> String {
        _ = send(socket, text, text.utf8.count, Int32(MSG_NOSIGNAL))
        var buffer = [UInt8](repeating: 0, count: 100)
        let count = recv(socket, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
