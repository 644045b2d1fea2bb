import Foundation
import RealtimeServer
import Synchronization
import Testing

@testable import Commands

@Suite("replay", .serialized)
struct ReplayCommandTests {
    private func scenario(_ text: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "scenario-\(UUID().uuidString).yaml")
        try Data(text.utf8).write(to: file)
        return file.path
    }

    private var fixtures: URL {
        var folder = URL(filePath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return folder.appending(path: "fixtures/scenarios")
    }

    @Test("of the seed's scenario finds what it expects on the embedded runtime, and exits 0")
    func seed() async {
        let run = await loopscope("replay", fixtures.appending(path: "swallowed-stop.yaml").path)
        #expect(run.status == .clean, "\(run.printed.error)\(run.printed.output)")
        #expect(run.printed.output.contains("LS001") && run.printed.output.contains("visitors come and go"))
    }

    @Test("of rude clients leaves nothing on a healthy consumer")
    func healthy() async throws {
        let run = await loopscope("replay", fixtures.appending(path: "nothing-stays.yaml").path, "--json")
        let value = try #require(
            try JSONSerialization.jsonObject(with: Data(run.printed.output.utf8)) as? [String: Any])
        let checks = try #require(value["checks"] as? [[String: Any]])
        let outcomes = Dictionary(
            checks.map { ($0["metric"] as? String ?? "", $0["outcome"] as? String ?? "") }, uniquingKeysWith: { $1 })
        for metric in ["consumers.stuck", "consumers.alive", "tasks.leaked", "clients.failed", "latency.p99"] {
            #expect(outcomes[metric] == "held", "\(metric): \(checks)")
        }
        #expect((value["findings"] as? [Any])?.isEmpty == true)
        let clients = try #require(value["clients"] as? [[String: Any]])
        #expect(clients.first?["opened"] as? Int ?? 0 > 10)
    }

    @Test(
        "of storms and cut connections does what the scenario says",
        arguments: ["reconnect-storm", "reconnect-jitter", "proxy-idle-cut"])
    func cuts(_ name: String) async {
        let run = await loopscope("replay", fixtures.appending(path: name + ".yaml").path)
        #expect(run.status == .clean, "\(run.printed.error)\(run.printed.output)")
    }

    @Test("with a check that fails is 2, with one that cannot be measured 3, with unexpected findings 1")
    func statuses() async throws {
        let head =
            "scenario: x\nclients: {a: [connect, close]}\nphases: [{phase: p, clients: a, population: 2, settle: 5 s, check: "
        let failed = try scenario(head + "\"clients.opened == 3\"}]\npath: /ws/echo/")
        #expect(await loopscope("replay", failed).status == .regression)
        let unknown = try scenario(head + "\"exit.seconds < 1 s\"}]\npath: /ws/echo/")
        #expect(await loopscope("replay", unknown).status == .inconclusive)
        let sick = try scenario(head + "\"clients.opened == 2\"}]\npath: /ws/chat/x/")
        #expect(await loopscope("replay", sick).status == .findings)
        let expected = try scenario(head + "\"clients.opened == 2\"}]\npath: /ws/echo/\nexpect: {findings: LS001}")
        #expect(await loopscope("replay", expected).status == .findings)
    }

    @Test(
        "whose clients do not do their scripts is 2 and says so, unless a check allows it or an expected finding explains it"
    )
    func clientFailures() async throws {
        func play(_ path: String, check: String = "", expect: String = "") async throws -> (ExitReason, String) {
            let file = try scenario(
                """
                scenario: x
                path: \(path)
                clients: {a: [connect, {send: {text: hi}}, {expect: {text: ho, within: 1 s}}, close]}
                phases: [{phase: p, clients: a, population: 2, check: [\(check)]}, {phase: q, for: 10 s, until: found}]
                \(expect)
                """)
            let run = await loopscope("replay", file)
            return (run.status, run.printed.error)
        }
        let (failed, words) = try await play("/ws/echo/", expect: "expect: {findings: []}")
        #expect(failed == .regression && words.contains("2 clients did not do what the scenario says"), "\(words)")
        #expect(words.contains("check: clients.failed <= 2"), "\(words)")
        #expect(try await play("/ws/echo/", check: "clients.failed <= 2").0 == .clean)
        #expect(try await play("/ws/chat/x/", expect: "expect: {findings: LS001}").0 == .clean)
    }

    @Test("of a mistake names file, line and column, and what was meant")
    func mistake() async throws {
        let path = try scenario("scenario: x\nclients:\n  a:\n    - conect\nphases: [{phase: p}]\n")
        let run = await loopscope("replay", path)
        #expect(run.status == .wrongContent)
        #expect(run.printed.error.contains("\(path):4:7: there is no step `conect`"))
        #expect(run.printed.error.contains("did you mean `connect`?"))
    }

    @Test(
        "refuses what makes no sense",
        arguments: [
            (["replay"], ExitReason.usage), (["replay", "/nowhere.yaml"], .unreadable),
            (["replay", "x", "--url", "wss://localhost"], .usage),
            (["replay", "x", "--pid", "1", "--", "true"], .usage),
            (["replay", "x", "--ready-within", "0"], .usage),
        ])
    func refusals(_ arguments: [String], _ status: ExitReason) async {
        let printed = Printed()
        #expect(await Loopscope.run(arguments, in: printed.world()) == status)
        #expect(!printed.error.isEmpty)
    }

    @Test("says why a file cannot be read in the kernel's words")
    func unreadable() async {
        let missing = await loopscope("replay", "/nowhere.yaml")
        #expect(missing.printed.error.contains("  why: No such file or directory\n"), "\(missing.printed.error)")
        let folder = await loopscope("replay", "/")
        #expect(folder.status == .unreadable)
        #expect(folder.printed.error.contains("  why: Is a directory\n"), "\(folder.printed.error)")
    }

    @Test("puts no load on a host that nobody vouched for")
    func strangers() async {
        let path = fixtures.appending(path: "nothing-stays.yaml").path
        let run = await loopscope("replay", path, "--url", "ws://192.0.2.1:80")
        #expect(run.status == .usage && run.printed.error.contains("--i-own-this-host 192.0.2.1"))
    }

    /// What a bad server answers, what the clients then say, and the exit code.
    static let badAnswers: [(answer: String, says: String, status: ExitReason)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "answered with 200", .inconclusive),
        ("HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "answered with 302", .inconclusive),
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", "answered with 401", .inconclusive),
        ("HTTP/1.1 426 Upgrade Required\r\n\r\n", "answered with 426", .inconclusive),
        ("\u{1}\u{2}garbage\r\n\r\n", "not HTTP", .inconclusive),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "not for WebSocket", .inconclusive),
        ("", "closed the connection before it answered", .unavailable),
    ]

    @Test("of a server that answers wrongly says how, and claims nothing about it", arguments: badAnswers)
    func badServers(_ one: (answer: String, says: String, status: ExitReason)) async throws {
        let server = try BadServer(answering: one.answer)
        let path = try scenario("scenario: x\nclients: {a: [connect]}\nphases: [{phase: p, clients: a, population: 2}]")
        let run = await loopscope("replay", path, "--url", "ws://127.0.0.1:\(server.port)")
        server.stop()
        #expect(
            run.status == one.status && run.printed.output.contains(one.says), "\(run.status) \(run.printed.output)")
    }

    @Test("of a server that is not there, or never answers, ends in time")
    func absent() async throws {
        let refused = try scenario(
            "scenario: x\nclients: {a: [connect]}\nphases: [{phase: p, clients: a, population: 2}]")
        let server = try BadServer(answering: nil)
        let silent = try scenario(
            "scenario: x\nclients: {a: [{connect: {within: 200 ms}}]}\nphases: [{phase: p, clients: a, population: 2}]")
        let late = await loopscope("replay", silent, "--url", "ws://127.0.0.1:\(server.port)")
        server.stop()
        #expect(late.status == .inconclusive && late.printed.output.contains("nothing came in time"))
        let gone = await loopscope("replay", refused, "--url", "ws://127.0.0.1:\(server.port)")
        #expect(
            gone.status == .unavailable && gone.printed.error.contains("Connection refused"), "\(gone.printed.error)")
    }

    @Test("says what a launched server wrote when it ends at once, and when it never listens")
    func launches() async {
        let path = fixtures.appending(path: "nothing-stays.yaml").path
        let ended = await loopscope("replay", path, "--", "sh", "-c", "echo no such application >&2; exit 3")
        #expect(ended.status == .unavailable && ended.printed.error.contains("no such application"))
        let deaf = await loopscope("replay", path, "--ready-within", "0.3", "--", "sleep", "30")
        #expect(deaf.status == .unavailable && deaf.printed.error.contains("listens on no TCP port"))
        let missing = await loopscope("replay", path, "--", "/no/such/program")
        #expect(missing.status == .unavailable && missing.printed.error.contains("cannot start"))
    }

    @Test(
        "of more clients than should share a process with the embedded server has that in one of its own, and sees it as exactly"
    )
    func split() async throws {
        let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "loopscope")
            .path
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } },
            program: program)
        let path = try scenario(
            """
            scenario: x
            path: /ws/echo/
            clients: {a: [connect, {send: {text: hi}}, {expect: {text: hi}}, close]}
            phases:
              - {phase: p, clients: a, population: 6, settle: 5 s, check: [clients.opened == 6, consumers.alive == 0, dispatches.per_message <= 1]}
            """)
        // In a process that has just started the first symbols take their time, which is not what this is about.
        let status = await ReplayTargetOptions.$inProcessLimit.withValue(3) {
            await Loopscope.run(["replay", "--json", "--fail-on", "never", path], in: world)
        }
        let (output, error) = printed.withLock { $0 }
        #expect(status == .clean, "\(error)")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
        let driver = try #require(report["driver"] as? [String: Any])
        #expect(driver["cpu_percent"] is Double, "the server's CPU is not the driver's: \(driver)")
        // The last of the checks needs exact evidence.
        let checks = try #require(report["checks"] as? [[String: Any]])
        #expect(checks.map { $0["outcome"] as? String } == ["held", "held", "held"], "\(checks)")
    }

    private func har(_ messages: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "capture-\(UUID().uuidString).har")
        let text =
            #"{"log": {"entries": [{"startedDateTime": "2026-11-30T08:00:00Z", "request": {"url": "ws://app.example/ws/echo/?token=hunter2", "headers": []}, "_webSocketMessages": ["#
            + messages + "]}]}}"
        try Data(text.utf8).write(to: file)
        return file.path
    }

    @Test("of a browser's capture sends what it sent, as often as asked, and shows none of its secrets")
    func capture() async throws {
        let path = try har(
            (0..<3).map { #"{"type": "send", "time": 179602560\#($0).5, "opcode": 1, "data": "hi"}"# }.joined(
                separator: ","))
        let target = try await EmbeddedTarget.start(policy: .uvicornWebsockets, loops: 1, port: 0)
        let url = "ws://127.0.0.1:\(target.server.port)"
        let run = await loopscope("replay", path, "--speed", "100", "--clients", "2", "--url", url)
        let fast = await loopscope("replay", path, "--speed", "max", "--url", url, "--json")
        await target.server.stop(deadline: .zero)
        #expect(run.printed.output.contains("recorded at app.example: 1 WebSocket, 3 messages sent"), "\(run.printed)")
        #expect(run.printed.output.contains("as captured") && !run.printed.output.contains("hunter2"))
        let value = try #require(
            try JSONSerialization.jsonObject(with: Data(fast.printed.output.utf8)) as? [String: Any])
        let clients = try #require((value["clients"] as? [[String: Any]])?.first)
        #expect(clients["sent"] as? Int == 3 && clients["failed"] as? Int == 0, "\(clients)")
        #expect((value["capture"] as? [String: Any])?["redacted"] as? Int == 1)
    }

    @Test("--print writes a capture as a scenario, which is played like any other")
    func printed() async throws {
        let path = try har(#"{"type": "send", "time": 1796025600.5, "opcode": 1, "data": "${hi}"}"#)
        let run = await loopscope("replay", path, "--print", "--speed", "100", "--clients", "3")
        #expect(run.status == .clean && !run.printed.output.contains("hunter2"), "\(run.printed)")
        let played = await loopscope("replay", try scenario(run.printed.output))
        #expect(played.status == .clean && played.printed.output.contains("as captured"), "\(played.printed)")
    }

    @Test("of a capture wants to be told where, and says what is wrong with one that is none")
    func badCapture() async throws {
        let path = try har("")
        let lost = await loopscope("replay", path)
        #expect(lost.status == .usage && lost.printed.error.contains("app.example"), "\(lost.printed.error)")
        let cut = FileManager.default.temporaryDirectory.appending(path: "cut-\(UUID().uuidString).har")
        try Data(#"{"log": {"entries": ["#.utf8).write(to: cut)
        let run = await loopscope("replay", cut.path, "--url", "ws://127.0.0.1:1")
        #expect(run.status == .wrongContent && run.printed.error.contains("ends in the middle"), "\(run.printed.error)")
        let yaml = fixtures.appending(path: "nothing-stays.yaml").path
        #expect(await loopscope("replay", yaml, "--speed", "2").status == .usage)
        #expect(await loopscope("replay", yaml, "--print").status == .usage)
    }

    @Test("--verbs lists every verb and every metric")
    func verbs() async {
        let run = await loopscope("replay", "--verbs")
        #expect(run.status == .clean)
        for word in ["- connect", "- ping-flood", "consumers.stuck", "latency.p99"] {
            #expect(run.printed.output.contains(word))
        }
    }
}
