import Commands
import Foundation
import FoundationNetworking
import Glibc
import Synchronization

/// One `loopscope run --json` of a server that counts itself, and both accounts of it.
struct CountedRun: Sendable {
    /// The application's own account, by path.
    let own: [String: [String: Int]]
    /// loopscope's report, as printed.
    let report: String
    /// What loopscope and the server wrote to standard error.
    let error: String
    /// loopscope's exit code, or the server's where that was asked for.
    let status: Int32

    private var value: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(report.utf8)) as? [String: Any]) ?? [:]
    }

    /// The numbers of a consumer class.
    func row(_ consumer: String) -> [String: Int]? {
        let rows = value["consumers"] as? [[String: Any]] ?? []
        return rows.first { $0["name"] as? String == consumer }?.compactMapValues { $0 as? Int }
    }

    var grade: String? { (value["consumers"] as? [[String: Any]])?.first?["grade"] as? String }
    var samples: [String: Int] { value["samples"] as? [String: Int] ?? [:] }
    var codes: [String] { (value["findings"] as? [[String: Any]] ?? []).compactMap { $0["code"] as? String } }

    /// The place the first finding blames.
    var place: (function: String?, line: Int?, handler: Int?)? {
        let finding = (value["findings"] as? [[String: Any]])?.first?["location"] as? [String: Any]
        return finding.map { ($0["function"] as? String, $0["line"] as? Int, $0["handler_line"] as? Int) }
    }

    /// Runs it: waits until the server answers, lets `body` be its clients, takes its account and has it end.
    ///
    /// - Parameter ending: `/end` for SIGTERM, `/exit` for a server that would not go.
    static func run(
        _ server: CountedServer, _ interpreter: String, options: [String] = [], environment: [String: String] = [:],
        ending: String = "/end", _ body: @escaping @Sendable (Int) async throws -> Void
    ) async throws -> CountedRun {
        let port = try freePort()
        let printed = Mutex(("", ""))
        let world = World(
            output: { text in printed.withLock { $0.0 += text } }, error: { text in printed.withLock { $0.1 += text } })
        var command = ["env", "PYTHONPATH=\(Fixtures.servers.path)", "PYTHONDONTWRITEBYTECODE=1"]
        let more = environment.merging(server.hasMaster ? ["FIXTURE_MASTER": "1"] : [:]) { own, _ in own }
        command += more.map { "\($0.key)=\($0.value)" } + server.command(interpreter, port)
        let arguments = ["run", "--json"] + options + ["--"] + command
        async let status = Loopscope.code(of: arguments, in: world)
        let own: [String: [String: Int]]
        do {
            try await until(port) { _ in true }
            try await body(port)
            own = try await get(port, ending)
        } catch {
            _ = try? await get(port, "/exit")
            _ = await status
            throw ChildProcess.Failure(description: "\(error)\n\(printed.withLock { $0.1 })")
        }
        let ended = await status
        let (report, error) = printed.withLock { $0 }
        return CountedRun(own: own, report: report, error: error, status: ended)
    }

    /// Asks the server for its account until it is as it should be, half a minute at most.
    static func until(_ port: Int, _ isRight: ([String: [String: Int]]) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if let counts = try? await get(port, "/counts"), isRight(counts) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ChildProcess.Failure(description: "the server does not answer as it should")
    }

    static func get(_ port: Int, _ path: String) async throws -> [String: [String: Int]] {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { return [:] }
        let data = try await URLSession.shared.data(from: url).0
        return try JSONDecoder().decode([String: [String: Int]].self, from: data)
    }

    /// A port that nobody listens on.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 ? getsockname(descriptor, generic, &length) : -1
            }
        }
        guard result == 0 else { throw ChildProcess.Failure(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
