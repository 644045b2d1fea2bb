import Foundation
import FoundationNetworking

/// A real server under test, running for as long as the closure that was given it.
struct ServerFixture: Sendable {
    let launch: ServerLaunch
    let port: Int
    /// The process to attach to; with workers, their master.
    let pid: Int32
    let workers: [Int32]
    /// The private Redis of `layer: .redis`.
    let redisPort: Int?

    /// The process whose loop serves: the first worker where there is a master.
    var servingPid: Int32 { workers.first ?? pid }

    /// Starts a server, waits until its application answers, runs `body`, and ends it, whatever `body` did.
    static func with<Result: Sendable>(
        _ launch: ServerLaunch, _ body: @Sendable (ServerFixture) async throws -> Result
    ) async throws -> Result {
        let launcher = try ChildProcess(launch.command)
        do {
            let fixture = try await whenReady(launch, launcher)
            let result = try await body(fixture)
            _ = try await launcher.finish()
            return result
        } catch {
            _ = try? await launcher.finish()
            throw error
        }
    }

    private static func whenReady(_ launch: ServerLaunch, _ launcher: ChildProcess) async throws -> ServerFixture {
        var redisPort: Int?
        while let line = try await launcher.readLine() {
            let words = line.split(separator: " ")
            let numbers = words.dropFirst().compactMap { Int($0) }
            if words.first == "redis", let port = numbers.first { redisPort = port }
            if words.first == "ready", numbers.count >= 2 {
                let pids = numbers.dropFirst().map { Int32(clamping: $0) }
                return ServerFixture(
                    launch: launch, port: numbers[0], pid: pids[0], workers: Array(pids.dropFirst()),
                    redisPort: redisPort)
            }
        }
        throw ChildProcess.Failure(description: "\(launch) did not start: its reason is on standard error")
    }

    func webSocketURL(_ path: String) -> String { "ws://127.0.0.1:\(port)\(path)" }

    /// Waits until the application answers again, at most half a minute.
    func answersAgain() async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if (try? await get("/truth")) != nil { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ChildProcess.Failure(description: "the server does not answer any more")
    }

    /// The body of an HTTP answer.
    func get(_ pathAndQuery: String) async throws -> Data {
        guard let url = URL(string: "http://127.0.0.1:\(port)\(pathAndQuery)") else {
            throw ChildProcess.Failure(description: "no URL: \(pathAndQuery)")
        }
        return try await URLSession.shared.data(from: url).0
    }

    /// What the server itself counts, after a collector pass. Not under WSGI.
    func truth() async throws -> Truth {
        try JSONDecoder().decode(Truth.self, from: try await get("/truth"))
    }

    /// Sends a layer message to every member of a group.
    func layerSend(group: String, text: String = "hello") async throws {
        _ = try await get("/layer/send?group=\(group)&text=\(text)")
    }

    /// A server's own account of itself: what a probe from outside should find.
    struct Truth: Decodable, Sendable {
        let pid: Int32
        /// Consumer instances by class, "chat.consumers.swallow.SwallowConsumer".
        let alive: [String: Int]
        /// asyncio tasks by the qualified name of their coroutine, without the one that answers this.
        let tasks: [String: Int]
        let threads: [String]
        let descriptors: Int
        /// Members of the groups "news" and "leaky", as the layer believes.
        let groups: [String: Int]
    }
}
