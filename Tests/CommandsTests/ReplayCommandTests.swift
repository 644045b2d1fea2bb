import Foundation
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

    @Test("--verbs lists every verb and every metric")
    func verbs() async {
        let run = await loopscope("replay", "--verbs")
        #expect(run.status == .clean)
        for word in ["- connect", "- ping-flood", "consumers.stuck", "latency.p99"] {
            #expect(run.printed.output.contains(word))
        }
    }
}
