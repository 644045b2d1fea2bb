import ConsumerRuntime
import Demo
import FoundationEssentials
@preconcurrency import Glibc
import Observations
import RealtimeServer
import Replay
import Testing

/// Autobahn's `wstest`, if there is one: `pip install autobahntestsuite` on a CPython 2.7.
private let wstest = getenv("LOOPSCOPE_WSTEST").map { String(cString: $0) }

/// The outside judge of the WebSocket machine, both sides: crossbario/autobahn-testsuite.
@Suite("Autobahn's test suite", .enabled(if: wstest != nil, "LOOPSCOPE_WSTEST names Autobahn's wstest"), .serialized)
struct AutobahnTests {
    /// What a case may end in.
    private static let good: Set<String> = ["OK", "NON-STRICT", "INFORMATIONAL"]

    private struct Verdict: Decodable {
        var behavior: String
        var behaviorClose: String
    }

    /// The folder of one run, with its specification and its reports.
    private static func folder(_ specification: String) throws -> String {
        let folder = "/tmp/loopscope-autobahn-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try #require(mkdir(folder, 0o700) == 0)
        let text = specification.replacing("FOLDER", with: folder)
        try Data(text.utf8).write(to: URL(filePath: folder + "/spec.json"))
        return folder
    }

    private static func judge(_ folder: String, least: Int) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let index = try Data(contentsOf: URL(filePath: folder + "/index.json"))
        let agents = try JSONDecoder().decode([String: [String: Verdict]].self, from: index)
        let verdicts = agents.values.flatMap { $0 }
        #expect(verdicts.count >= least)
        for (name, verdict) in verdicts.sorted(by: { $0.key < $1.key }) {
            #expect(good.contains(verdict.behavior), "case \(name): \(verdict.behavior)")
            #expect(good.contains(verdict.behaviorClose), "case \(name), its close: \(verdict.behaviorClose)")
        }
    }

    private static func start(_ mode: String, _ folder: String) throws -> pid_t {
        let words = [wstest ?? "", "-m", mode, "-s", folder + "/spec.json"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, words[0], nil, nil, &arguments, environ) == 0)
        return pid
    }

    /// Whether all cases are played: the timed ones (9, 12 and 13) take half an hour on a debug build.
    private static let plays = getenv("LOOPSCOPE_AUTOBAHN").map { String(cString: $0) } == "all"
    /// A few of each timed section unless all are asked for.
    private static let cases =
        plays
        ? #"["*"]"#
        : """
        ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*", "9.1.*", "9.2.*", "9.7.1", "9.8.1", \
        "12.1.1", "12.2.4", "12.3.2", "12.4.2", "12.5.1", "13.1.1", "13.2.1", "13.3.1", "13.4.1", "13.5.1", "13.6.1", "13.7.1"]
        """
    private static let clientCases =
        plays
        ? #"["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]"#
        : #"["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.1.*", "9.2.*", "9.7.1", "9.8.1", "10.*"]"#

    @Test("our server: every case, but only some of the timed ones unless all are asked for")
    func server() async throws {
        let application = URLRouter([.init("", EchoConsumer.application())])
        try await withServer(application) { harness in
            let folder = try Self.folder(
                """
                {"outdir": "FOLDER", "servers": [{"agent": "loopscope", "url": "ws://127.0.0.1:\(harness.server.port)"}],
                 "cases": \(Self.cases)}
                """)
            let pid = try Self.start("fuzzingclient", folder)
            let status = await Task.detached { () -> Int32 in
                var status: Int32 = 0
                waitpid(pid, &status, 0)
                return status
            }.value
            #expect(status == 0)
            try Self.judge(folder, least: 200)
            try await harness.eventually("opened = closed, started = ended") { log in
                log.count(.opened) == log.count(.closed) && log.count(.started) == log.count(.ended)
            }
        }
    }

    @Test("our client, the same cases without compression")
    func client() async throws {
        let port = try await Self.freePort()
        let folder = try Self.folder(
            """
            {"outdir": "FOLDER", "url": "ws://127.0.0.1:\(port)", "options": {"failByDrop": false},
             "cases": \(Self.clientCases)}
            """)
        let pid = try Self.start("fuzzingserver", folder)
        defer {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        guard case .text(let count) = try await Self.firstConnection(port).receive() else {
            Issue.record("no count of cases")
            return
        }
        for number in 1...(try #require(Int(count))) {
            let client = try await WebSocketClient.connect(
                port: port, path: "/runCase?case=\(number)&agent=loopscope", compression: true)
            try await Self.echo(client)
        }
        let last = try await WebSocketClient.connect(port: port, path: "/updateReports?agent=loopscope")
        await last.ended()
        try Self.judge(folder, least: 200)
    }

    /// Sends back what comes, until the end.
    private static func echo(_ client: WebSocketClient) async throws {
        while true {
            do {
                switch try await client.receive() {
                case .text(let text): try await client.send(text: text)
                case .bytes(let bytes): try await client.send(bytes: bytes)
                case .pong: break
                case .closed:
                    await client.ended()
                    return
                }
            } catch ClientError.closed {
                // The end came between the message and its echo; the next receive gives it.
            }
        }
    }

    /// The first answer of a server that is starting.
    private static func firstConnection(_ port: Int) async throws -> WebSocketClient {
        let end = ContinuousClock.now + .seconds(20)
        while true {
            do {
                return try await WebSocketClient.connect(port: port, path: "/getCaseCount")
            } catch ClientError.unreachable(let why) {
                guard ContinuousClock.now < end else { throw ClientError.unreachable(why) }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private static func freePort() async throws -> Int {
        let server = try await RealtimeServer.start(application: DemoApplication.make())
        await server.stop()
        return server.port
    }
}
