import Foundation
import Testing

/// `loopscope doctor -- COMMAND`, on real servers whose deadlines are made short.
@Suite("doctor, on real servers", .serialized)
struct DoctorTests {
    /// What each is asked, and the kind of the answer: nothing that a server never does, which would take all the time.
    private static let servers: [(String, [String: String])] = [
        (
            "uvicorn --port 0 --ws websockets --ws-ping-interval 0.5 --ws-ping-timeout 0.5",
            [
                "ping": "every", "ghost": "after", "close": "after", "message": "limit", "claim": "after",
                "compression": "agreed", "idle": "costs", "shutdown": "exited", "stubborn-shutdown": "exited",
            ]
        ),
        (
            "daphne -p 0 --ping-interval 1 --ping-timeout 1 --websocket_connect_timeout 2",
            [
                "ping": "every", "ghost": "after", "close": "after", "unaccepted": "after", "idle": "costs",
                "compression": "declined", "shutdown": "exited",
            ]
        ),
        (
            "hypercorn --bind 127.0.0.1:0 --workers 0",
            ["slow-head": "after", "silence": "after", "message": "limit", "claim": "not-within", "idle": "costs"]
        ),
    ]

    @Test(
        "finds out what each does, ends it, and prints it by our schema",
        .enabled(if: PythonEnvironment.preferred != nil, "\(PythonEnvironment.absence)"), arguments: servers)
    func finds(_ server: String, _ expected: [String: String]) async throws {
        let python = try #require(PythonEnvironment.preferred).interpreter
        let output = FileManager.default.temporaryDirectory.appending(path: "doctor-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: output) }
        let run = try await Program.shell(
            "cd \(Fixtures.servers.path) && loopscope doctor --json --within 120 --only \(expected.keys.sorted().joined(separator: " ")) --path /ws/swallow-fixed "
                + "--hanging-path /ws/hang-connect -- \(python) -m \(server) chat.asgi:application > \(output.path)")
        #expect(run.status == 0, "\(run)")
        let report = try JSONDecoder().decode(Report.self, from: try Data(contentsOf: output))
        let answers = Dictionary(uniqueKeysWithValues: report.server.answers.map { ($0.question, $0) })
        for (question, answer) in expected {
            #expect(answers[question]?.answer == answer, "\(question): \(answers[question]?.text ?? "-")")
        }
        #expect(answers.count == expected.count)
        if let validator = ProcessInfo.processInfo.environment["LOOPSCOPE_VALIDATOR"] {
            let script = Fixtures.repository.appending(path: "fixtures/validators/validate.py").path
            let schema = Fixtures.repository.appending(path: "docs/formats/doctor.schema.json").path
            let verdict = try await Program.shell("\(validator) \(script) json \(schema) \(output.path)")
            #expect(verdict.output == "valid\n")
        }
    }

    @Test("a server that ignores SIGTERM is killed, by its own id, and that is said")
    func ignoresTermination() async throws {
        let server = Fixtures.servers.appending(path: "plain_echo.py").path
        let run = try await Program.shell(
            "loopscope doctor --only shutdown stubborn-shutdown --exit-within 1 -- sh -c 'trap \"\" TERM; exec python3 \(server)'"
        )
        #expect(run.status == 0 && run.output.contains("killed"), "\(run)")
        #expect(run.output.contains("a deploy hangs until SIGKILL"))
    }

    @Test("a server that takes its time to start is launched once, and what that leaves out is said")
    func slowStart() async throws {
        let server = Fixtures.servers.appending(path: "plain_echo.py").path
        let run = try await Program.shell(
            "loopscope doctor --only shutdown stubborn-shutdown --within 6 -- sh -c 'sleep 1.2; exec python3 \(server)'"
        )
        #expect(run.status == 0 && run.output.contains("a second launch has no room in 6 s"), "\(run)")
    }

    private struct Report: Decodable {
        struct Answer: Decodable { var question, answer, text: String }
        struct Row: Decodable { var answers: [Answer] }
        var server: Row
    }
}
