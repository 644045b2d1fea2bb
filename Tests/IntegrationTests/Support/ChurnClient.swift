import Foundation

/// Connections made by the client that nobody here wrote (`fixtures/servers/churn.py` on PyPI's websockets).
enum ChurnClient {
    enum Ending: String, Sendable { case clean, abort, hold }

    struct Result: Decodable, Sendable {
        let opened: Int
        let closed: Int
        let refused: [String]
        /// One entry per connection whose text was not answered in time.
        let unanswered: [String]
    }

    /// Opens connections to one route, sends a text if there is one and awaits the answer, closes them all.
    static func churn(
        _ server: ServerFixture, _ path: String, connections: Int = 1, ending: Ending = .clean,
        send text: String? = nil, replyTimeout: Int = 10
    ) async throws -> Result {
        let client = try ChildProcess(
            command(server, path, connections, ending, text) + ["--reply-timeout", String(replyTimeout)])
        do {
            let result = try await result(of: client)
            _ = try await client.finish()
            return result
        } catch {
            _ = try? await client.finish()
            throw error
        }
    }

    /// Keeps connections open while `body` runs, then closes them.
    static func holding<Value: Sendable>(
        _ server: ServerFixture, _ path: String, connections: Int = 1, send text: String? = nil,
        _ body: @Sendable (Result) async throws -> Value
    ) async throws -> Value {
        let client = try ChildProcess(command(server, path, connections, .hold, text))
        do {
            let value = try await body(try await result(of: client))
            _ = try await client.finish()
            return value
        } catch {
            _ = try? await client.finish()
            throw error
        }
    }

    /// Sends `messages` messages on each connection, one after the other's answer, while `body` runs; then hangs up. The
    /// connections are open when `body` begins.
    static func talking<Value: Sendable>(
        _ server: ServerFixture, _ path: String, connections: Int = 1, messages: Int,
        replyTimeout: Int = 60, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let client = try ChildProcess(
            command(server, path, connections, .hold, "hello") + [
                "--messages", String(messages), "--reply-timeout", String(replyTimeout), "--announce",
            ])
        do {
            guard try await client.readLine() == "open" else {
                throw ChildProcess.Failure(description: "the client ended before its connections were open")
            }
            let value = try await body()
            _ = try await client.finish()
            return value
        } catch {
            _ = try? await client.finish()
            throw error
        }
    }

    private static func result(of client: ChildProcess) async throws -> Result {
        guard let line = try await client.readLine() else {
            throw ChildProcess.Failure(description: "the client ended without a result")
        }
        return try JSONDecoder().decode(Result.self, from: Data(line.utf8))
    }

    private static func command(
        _ server: ServerFixture, _ path: String, _ connections: Int, _ ending: Ending, _ text: String?
    ) -> [String] {
        let python = PythonEnvironment.client?.interpreter ?? "python3"
        var words = [python, Fixtures.servers.appendingPathComponent("churn.py").path, server.webSocketURL(path)]
        words += ["-n", String(connections), "--close", ending.rawValue]
        if let text { words += ["--send", text] }
        return words
    }
}
