import Analysis
import Foundation
import Observations
import Recording
import Replay
import Session
import Synchronization
import Testing

@testable import Commands

/// `loopscope serve` in a process of its own, and `loopscope attach` joining it.
@Suite("Attaching to a server of our own", .serialized)
struct AttachEmbeddedTests {
    /// Starts `loopscope serve` and waits for its port.
    private func serve(_ body: (Process, Int) async throws -> Void) async throws {
        let server = Process()
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        server.executableURL = folder.appending(path: "loopscope")
        server.arguments = ["serve", "--port", "0", "--policy", "hypercorn", "--quiet"]
        let output = Pipe()
        server.standardOutput = output
        server.standardError = FileHandle.nullDevice
        try server.run()
        defer {
            kill(server.processIdentifier, SIGKILL)
            server.waitUntilExit()
        }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let port = try #require(Int(line.drop { !$0.isNumber }.prefix(while: \.isNumber)), "\(line)")
        try await body(server, port)
    }

    /// Runs `attach` in this process; what it prints, and how it ended.
    private func attach(_ arguments: String...) async -> (status: ExitReason, output: String, error: String) {
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } })
        let status = await Loopscope.run(["attach"] + arguments, in: world)
        return printed.withLock { (status, $0.0, $0.1) }
    }

    @Test("attach joins it while it serves, on exact counts, and accuses the consumer that does not stop")
    func join() async throws {
        try await serve { server, port in
            let early = try await WebSocketClient.connect(port: port, path: "/ws/echo/")
            async let attached = attach("--pid", "\(server.processIdentifier)", "--duration", "3", "--json")
            let sick = try await WebSocketClient.connect(port: port, path: "/ws/chat/lobby/")
            await sick.close()
            for turn in 0..<100 {
                _ = try await early.roundTrip("\(turn)")
                try await Task.sleep(for: .milliseconds(10))  // traffic for as long as it is observed
            }
            let result = await attached
            #expect(result.status == .findings)
            let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
            let findings = report?["findings"] as? [[String: Any]] ?? []
            #expect(findings.map { $0["code"] as? String } == ["LS002"], "\(result.output) \(result.error)")
            #expect(findings.first?["grade"] as? String == "exact")
            let location = findings.first?["location"] as? [String: Any]
            #expect(location?["function"] as? String == "ChatConsumer.dispatch")
            #expect((location?["file"] as? String)?.hasSuffix("ChatConsumers.swift") == true)
            let consumers = report?["consumers"] as? [[String: Any]] ?? []
            let echo = consumers.first { $0["name"] as? String == "Demo.EchoConsumer" }
            #expect(echo?["opened"] as? Int == 1 && echo?["open"] as? Int == 1)
            // It serves on, and can be joined again.
            _ = try await early.roundTrip("still here")
            let again = await attach("--pid", "\(server.processIdentifier)", "--duration", "1.5")
            #expect(again.status == .findings && again.output.contains("LS002"))
            #expect(server.isRunning)
        }
    }

    @Test("its death ends the session with a clear message, and the recording stays")
    func death() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "loopscope-\(UUID().uuidString).loopscope")
        defer { try? FileManager.default.removeItem(at: file) }
        try await serve { server, port in
            let client = try await WebSocketClient.connect(port: port, path: "/ws/echo/")
            async let attached = attach(
                "--pid", "\(server.processIdentifier)", "--duration", "60", "--save", file.path)
            // Killed once something of it is in the recording.
            while true {
                _ = try await client.roundTrip("hello")
                let recording = try? SessionRunner.report(atPath: file.path)
                if recording?.ledger["Demo.EchoConsumer"]?.open == 1 { break }
                try await Task.sleep(for: .milliseconds(20))
            }
            kill(server.processIdentifier, SIGKILL)
            let result = await attached
            #expect(result.output.contains("ended in mid-stream"), "\(result.output)")
            let report = try SessionRunner.report(atPath: file.path)
            #expect(report.ledger["Demo.EchoConsumer"]?.opened == 1)
        }
    }
}

extension SessionRunner {
    /// The report of a recording that may still be written to.
    fileprivate static func report(atPath path: String) throws -> ReportDocument {
        try report(of: try Recording(path: path))
    }
}
