import Analysis
import Foundation
import Observations
import RealtimeServer
import Session
import Testing

@testable import Commands
@testable import Replay

/// Findings on the embedded server, from a real socket to the report.
@Suite("Findings on the embedded server", .serialized)
struct EmbeddedFindingTests {
    /// Talks to `path` as `body` says, and gives the report of what was seen.
    private func observe(
        policy: DeliveryPolicy = .hypercorn, _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> ReportDocument {
        let target = try await EmbeddedTarget.start(policy: policy, loops: 1, port: 0)
        do {
            let outcome = try await SessionRunner().run(target.probe) { _ in try await body(target.server.port) }
            await target.server.stop(deadline: .zero)
            return outcome.report
        } catch {
            await target.server.stop(deadline: .zero)
            throw error
        }
    }

    private func say(_ text: String, times: Int, to path: String, port: Int) async throws {
        let client = try await WebSocketClient.connect(port: port, path: path)
        for _ in 0..<times { _ = try await client.roundTrip(text) }
        _ = await client.close()
    }

    @Test("a handler that blocks its loop is LS601, with the function and the line that blocks")
    func blockedLoop() async throws {
        let report = try await observe { try await say("cat", times: 3, to: "/ws/thumbnail/", port: $0) }
        #expect(report.findings.map(\.code) == ["LS601"], "\(report.findings.map { ($0.location, $0.evidence) })")
        let finding = try #require(report.findings.first)
        #expect(finding.consumer == "Demo.ThumbnailConsumer")
        let place = try #require(finding.location)
        #expect(place.function.contains("ThumbnailConsumer.render"))
        let source = try String(contentsOfFile: try #require(place.file), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
        let first = try #require(source.firstIndex { $0.contains("static func render") })
        // From the line of the function to that of its closing brace; lines are counted from 1.
        let last = try #require(source[first...].firstIndex { $0 == "    }" })
        #expect((first + 1...last + 1).contains(try #require(place.line)))
        #expect(finding.evidence.contains("while dispatching websocket.receive"))
    }

    @Test("the same work off the loop is silent")
    func offloadedTwin() async throws {
        let report = try await observe { try await say("cat", times: 3, to: "/ws/offloaded-thumbnail/", port: $0) }
        #expect(report.findings.isEmpty, "\(report.findings)")
    }

    @Test(
        "an override of websocket_disconnect that does not stop is LS004",
        arguments: [DeliveryPolicy.hypercorn, .uvicornWebsockets])
    func disconnectWithoutStop(policy: DeliveryPolicy) async throws {
        let report = try await observe(policy: policy) { port in
            let client = try await WebSocketClient.connect(port: port, path: "/ws/no-stop/")
            _ = await client.close()
            try await Task.sleep(for: .milliseconds(600))  // what stays behind must be seen to stay
        }
        #expect(report.findings.map(\.code) == ["LS004"])
        #expect(report.findings.first?.location?.function.contains("PresenceConsumer.websocketDisconnect") == true)
    }

    private func get(_ path: String, port: Int) async throws -> Int {
        try await HTTPGet.request(
            path, fields: [], at: Endpoint(host: "127.0.0.1", port: port), within: .seconds(10), group: .shared)
    }

    @Test(
        "a request's consumer that swallows its stop is found as a WebSocket's is; its twin is not",
        arguments: [(DeliveryPolicy.hypercorn, "LS002"), (.uvicornWebsockets, "LS001")])
    func swallowedRequest(policy: DeliveryPolicy, code: String) async throws {
        let report = try await observe(policy: policy) { port in
            #expect(try await get("/export/", port: port) == 200)
            #expect(try await get("/fixed-export/", port: port) == 200)
            try await Task.sleep(for: .milliseconds(600))  // what stays behind must be seen to stay
        }
        #expect(report.findings.map { "\($0.code) \($0.consumer ?? "")" } == ["\(code) Demo.ExportConsumer"])
        let finding = try #require(report.findings.first)
        #expect(finding.evidence.first?.contains("http.disconnect") == true, "\(finding.evidence)")
        #expect(finding.location?.function == "ExportConsumer.dispatch")
        #expect(finding.location?.file?.hasSuffix("Demo/WebPages.swift") == true)
    }

    @Test(
        "honest consumers are silent, also slow ones and careful ones",
        arguments: [
            "/ws/stop/", "/ws/slow-goodbye/", "/ws/careful/", "/ws/fixed-ticker/", "/ws/sync-echo/",
        ])
    func twins(path: String) async throws {
        let report = try await observe(policy: .uvicornWebsockets) { port in
            let client = try await WebSocketClient.connect(port: port, path: path)
            _ = await client.close()
            try await Task.sleep(for: .milliseconds(600))
        }
        #expect(report.findings.isEmpty, "\(report.findings)")
    }

    /// Opens a connection to each sick route and to its twin, and ends them as their kind wants it.
    @Test(
        "what outlives a connection, what is never answered and what an error leaves behind: all found, no twin accused"
    )
    func leaks() async throws {
        let report = try await observe { port in
            for path in ["/ws/ticker/", "/ws/fixed-ticker/", "/ws/forgetful/a/", "/ws/fixed-forgetful/b/"] {
                let client = try await WebSocketClient.connect(port: port, path: path)
                await client.close()
            }
            for path in ["/ws/reckless/c/", "/ws/fixed-reckless/d/"] {
                let client = try await WebSocketClient.connect(port: port, path: path)
                try await client.send(text: "bad")
                await client.ended()
            }
            let undecided = Task {
                try await WebSocketClient.connect(port: port, path: "/ws/undecided/", timeout: .seconds(30))
            }
            // A task that winds up within seconds is honest: it takes that long to tell.
            try await Task.sleep(for: .seconds(9))
            undecided.cancel()
        }
        let accused = report.findings.map { "\($0.code) \($0.consumer ?? "")" }.sorted()
        #expect(
            accused == [
                "LS006 Demo.RecklessConsumer", "LS101 Demo.TickerConsumer", "LS201 Demo.UndecidedConsumer",
                "LS401 Demo.ForgetfulConsumer",
            ])
        #expect(report.findings.allSatisfy { $0.grade == .exact })
        let places = Dictionary(uniqueKeysWithValues: report.findings.map { ($0.code, $0.location) })
        for (code, function) in [
            ("LS101", "TickerConsumer.connect"), ("LS006", "RecklessConsumer.receive"),
            ("LS201", "UndecidedConsumer.connect"),
            ("LS401", "ForgetfulConsumer.disconnect"),
        ] {
            let place = try #require(places[code] ?? nil)
            #expect(place.function == function)
            #expect(place.file?.hasSuffix("Consumers.swift") == true && place.line != nil, "\(place)")
        }
        // The line that starts it.
        let ticker = try #require(places["LS101"] ?? nil)
        let source = try String(contentsOfFile: try #require(ticker.file), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
        #expect(source[try #require(ticker.line) - 1].contains("startTask(named: \"ticker\")"))
    }
}
