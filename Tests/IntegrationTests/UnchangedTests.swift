import Commands
import Foundation
import FoundationNetworking
import Testing

/// What a client, a log and a shell see of a server must not depend on whether it is counted.
@Suite("A counted server behaves as it does alone", .serialized)
struct UnchangedTests {
    static let servers: [CountedServer] = Fixtures.wantsFullMatrix ? CountedServer.all : [.uvicorn, .daphne, .gunicorn]

    /// What is seen of one run.
    private struct Behaviour: Equatable {
        var answers: [String] = []
        var log: [String] = []
        var code: Int32 = 0
    }

    @Test(
        "same answers, same log with its tracebacks, same exit code",
        .enabled(if: PythonEnvironment.client != nil, "\(PythonEnvironment.absence)"), arguments: servers)
    func unchanged(server: CountedServer) async throws {
        let alone = try await behaviour(server, ["--no-agent"])
        let counted = try await behaviour(server, [])
        #expect(counted.answers == alone.answers)
        #expect(counted.log == alone.log)
        #expect(counted.code == alone.code)
        // Both were really asked: a failing view, and a consumer's echo.
        #expect(alone.answers[0].hasPrefix("500") && alone.log.contains { $0.contains("RuntimeError: planted") })
    }

    private func behaviour(_ server: CountedServer, _ options: [String]) async throws -> Behaviour {
        let python = try #require(PythonEnvironment.client)
        let answers = Answers()
        let run = try await CountedRun.run(
            server, python.interpreter, options: ["--pass-exit-code"] + options
        ) { port in
            for path in ["/boom", "/healthz", "/nothing"] { await answers.append(try await Self.get(port, path)) }
            for path in ["/ws/honest/echo", "/ws/honest/sync-echo", "/ws/nowhere", "/ws/hang-connect-fixed"] {
                await answers.append(try await Churn.output(python, port, path, "--send", "hello"))
            }
        }
        return Behaviour(answers: await answers.all, log: Self.lines(run.error), code: run.status)
    }

    private static func get(_ port: Int, _ path: String) async throws -> String {
        let url = try #require(URL(string: "http://127.0.0.1:\(port)\(path)"))
        let (data, response) = try await URLSession.shared.data(from: url)
        let http = try #require(response as? HTTPURLResponse)
        let kept = http.allHeaderFields.map { ("\($0.key)".lowercased(), "\($0.value)") }.filter { $0.0 != "date" }
        return "\(http.statusCode) \(kept.sorted { $0.0 < $1.0 }) \(String(decoding: data, as: UTF8.self))"
    }

    /// The log without what differs between any two runs: numbers, how often the test asked whether it is up, our own notes.
    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n").filter { !$0.hasPrefix("note: ") && !$0.contains("/counts") }
            .map { line in
                line.split(omittingEmptySubsequences: false) { $0.isNumber }.joined(separator: "#")
                    .replacing(/#+/, with: "#")
            }
    }

    private actor Answers {
        private(set) var all: [String] = []
        func append(_ answer: String) { all.append(answer) }
    }
}
