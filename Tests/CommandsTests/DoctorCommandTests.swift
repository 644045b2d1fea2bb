import Demo
import Foundation
import Policy
import RealtimeServer
import Replay
import Testing

@testable import Commands

@Suite("doctor")
struct DoctorCommandTests {
    @Test(
        "a command line that makes no sense is a usage error",
        arguments: [
            ["wss://127.0.0.1/"], ["ws://example.org/"], ["--within", "0"], ["--connections", "0"], ["--header", "x"],
            ["--path", "ws"], ["--pid", "1", "--json"], ["--pid", "1", "--", "true"],
        ])
    func usage(_ arguments: [String]) async {
        let run = await loopscope(["doctor"] + arguments)
        #expect(run.status == .usage, "\(run.printed.error)")
    }

    @Test("another machine is asked only when its owner says so")
    func owner() async {
        let run = await loopscope("doctor", "ws://192.0.2.1:9/ws/")
        #expect(run.status == .usage && run.printed.error.contains("--i-own-this-host 192.0.2.1"))
    }

    @Test("nobody there is 69, with what to do")
    func nobody() async throws {
        let server = try await RealtimeServer.start(application: DemoApplication.make())
        let port = server.port
        await server.stop(deadline: .zero)
        let run = await loopscope("doctor", "ws://127.0.0.1:\(port)/ws/")
        #expect(run.status == .unavailable && run.printed.error.contains("start the server first"))
    }

    @Test(
        "a launched server that ends at once is 69, with what it wrote; one that does not listen too",
        arguments: [
            (["sh", "-c", "echo no module named app >&2; exit 3"], "no module named app"),
            (["/no/such/program"], "cannot start /no/such/program"), (["sleep", "600"], "listens on no TCP port"),
        ])
    func noServer(_ command: [String], _ text: String) async {
        let run = await loopscope(["doctor", "--ready-within", "0.3", "--exit-within", "2", "--"] + command)
        #expect(run.status == .unavailable && run.printed.error.contains(text), "\(run.printed.error)")
    }

    @Test("the machine is told of by itself, and as JSON")
    func machine() async throws {
        let run = await loopscope("doctor", "--connections", "10")
        #expect(
            run.status == .clean && run.printed.output.contains("somaxconn") && run.printed.output.contains("next: "))
        let json = await loopscope("doctor", "--json")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(json.printed.output.utf8)) as? [String: Any])
        #expect(document["schema"] as? String == "loopscope/doctor/1" && document["server"] is NSNull)
        #expect((document["machine"] as? [Any])?.count == 5)
    }

    @Test(
        "a URL keeps its path whole",
        arguments: [
            ("ws://127.0.0.1:8000/ws/chat/?a=b#c", "/ws/chat/?a=b"), ("ws://127.0.0.1:8000", "/"),
            ("ws://[::1]:1?x", "/?x"),
        ])
    func path(_ url: String, _ path: String) throws { #expect(try #require(DoctorTarget(url: url)).path == path) }

    @Test(
        "why a handshake was refused is read from its status", arguments: [200, 302, 401, 403, 404, 426, 500, 299, 700])
    func refusals(_ status: Int) throws {
        let target = try #require(DoctorTarget(url: "ws://127.0.0.1:1/ws/"))
        let error = CommandError(.status(status), at: target, log: [])
        #expect(error.status == .unavailable && error.what.contains("\(status)"))
        #expect(error.why != nil && error.remedy != nil)
    }
}
