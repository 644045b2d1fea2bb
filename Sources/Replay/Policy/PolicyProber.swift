import Clocks
import NIOCore
public import Observations
public import Policy
import WebSocket

/// Finds out from outside what a server does with clients that are idle, slow, gone or greedy.
///
/// All questions are asked at the same time, each on connections of its own, so that finding out takes as long as the
/// slowest server policy, or the time given. Nothing that is sent is a whole message: the application hears of
/// connections, and of nothing else.
public struct PolicyProber: Sendable {
    /// Why there is nothing to find out.
    public enum Refusal: Error, Hashable, Sendable {
        /// Nobody answers there.
        case unreachable(String)
        /// It answers with another status than 101.
        case status(Int)
        /// It answers in another protocol, or wrongly.
        case notWebSocket
        /// It does not answer in time.
        case silent
    }

    /// How far it is: questions answered, and the seconds that are left.
    public typealias Progress = @Sendable (_ answered: Int, _ of: Int, _ secondsLeft: Int) -> Void

    let endpoint: Endpoint
    let path: String
    let headers: [(name: String, value: String)]
    let group: ClientGroup
    /// What is asked; those that only a launched server is asked are passed over.
    public var questions = PolicyQuestion.allCases
    /// A path of the application whose `connect()` answers nothing; `nil` leaves that question open.
    public var hangingPath: String?
    /// Reads the server's resident memory, in bytes; `nil` where it cannot be read.
    public var residentMemory: (@Sendable () -> Int?)?
    /// Idle connections that are opened to see what one costs.
    public var idleConnections = 200

    /// A prober of the server at `endpoint`.
    ///
    /// - Parameters:
    ///   - path: where it accepts WebSockets.
    ///   - headers: further fields of each handshake, such as a cookie.
    public init(
        _ endpoint: Endpoint, path: String, headers: [(name: String, value: String)] = [], group: ClientGroup
    ) { (self.endpoint, self.path, self.headers, self.group) = (endpoint, path, headers, group) }

    /// Asks everything that can be asked from outside.
    ///
    /// - Returns: the row, after `budget` at the latest.
    /// - Throws: `Refusal`; `CancellationError`.
    public func row(within budget: Nanoseconds, progress: @escaping Progress = { _, _, _ in }) async throws -> PolicyRow
    {
        let start = Moment.now()
        let end = start + budget
        let software = try await knock(by: end)
        var row = PolicyRow(name: endpoint.authority + path, software: software)
        let questions = self.questions.filter { !PolicyQuestion.ofLaunched.contains($0) }
        await withTaskGroup(of: (PolicyQuestion, PolicyAnswer)?.self) { tasks in
            // The largest message comes after the cost of a connection: what it leaves of the server's memory, connections
            // are then put into.
            for question in questions where question != .message || !questions.contains(.idle) {
                tasks.addTask { (question, await answer(question, by: end)) }
            }
            tasks.addTask { await tick(until: end) }
            while row.answers.count < questions.count, let next = await tasks.next() {
                if let (question, answer) = next {
                    row.answers[question] = answer
                    if question == .idle, questions.contains(.message) {
                        tasks.addTask { (.message, await self.answer(.message, by: end)) }
                    }
                } else {
                    tasks.addTask { await tick(until: end) }
                }
                progress(row.answers.count, questions.count, max(0, Int((end - .now()).seconds.rounded())))
            }
            tasks.cancelAll()
        }
        try Task.checkCancellation()
        return row
    }

    /// Has progress told once a second.
    private func tick(until end: Moment) async -> (PolicyQuestion, PolicyAnswer)? {
        try? await group.eventLoops.next().wait(until: min(end, .now() + .seconds(1)))
        return nil
    }

    private func answer(_ question: PolicyQuestion, by end: Moment) async -> PolicyAnswer {
        do {
            switch question {
            case .ping: return try await pings(by: end)
            case .ghost: return try await ghost(by: end)
            case .unaccepted: return try await unaccepted(by: end)
            case .slowHead: return try await slowHead(by: end)
            case .silence: return try await silence(by: end)
            case .close: return try await close(by: end)
            case .unansweredClose: return try await unansweredClose(by: end)
            case .message: return try await largestMessage(by: end)
            case .claim: return try await claim(by: end)
            case .compression: return try await compression(by: end)
            case .idle: return try await idleCost(by: end)
            case .shutdown, .stubbornShutdown: return .unknown("only a server that was launched is ended")
            }
        } catch Refusal.status(let status) {
            return .unknown("the handshake was answered with \(status)")
        } catch Refusal.silent {
            return .unknown("not measured: its handshake was not answered in the time there was")
        } catch {
            guard Moment.now() < end else {
                return .unknown("not measured: no time was left; give it longer: --within")
            }
            return .unknown("no connection: \(error)")
        }
    }

    // MARK: Connecting

    /// The request of a handshake.
    func request(_ path: String, _ more: [(name: String, value: String)] = []) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        // Browsers send an Origin, and applications check it.
        let origin =
            headers.contains { $0.name.lowercased() == "origin" } ? [] : [("Origin", "http://\(endpoint.authority)")]
        return ClientHandshake(
            host: endpoint.authority, target: endpoint.prefix + path, fields: origin + headers + more,
            key: Handshake.key(using: &generator)
        ).request
    }

    /// One handshake, to see whether there is a WebSocket server at all.
    ///
    /// - Returns: what it calls itself.
    private func knock(by end: Moment) async throws -> String? {
        do {
            let (client, head, _) = try await open(by: min(end, .now() + .seconds(10)))
            await client.abort()
            return head.values("server").first
        } catch ClientError.unreachable(let why) {
            throw Refusal.unreachable(why)
        }
    }

    /// Opens a WebSocket.
    ///
    /// - Returns: the client, and the server's answer with the time at which it came.
    /// - Throws: `Refusal`, `ClientError.unreachable`.
    func open(
        _ manners: WireClient.Manners = [.pongs, .closes], _ more: [(name: String, value: String)] = [], by end: Moment
    ) async throws -> (client: WireClient, head: AnswerHead, time: Moment) {
        let client = try await WireClient.connect(
            to: endpoint, manners, within: max(.milliseconds(1), min(.seconds(10), end - .now())), group: group)
        client.send(request(path, more))
        let answer = await client.next(by: end)
        switch answer?.event {
        case .answer(let head) where head.status == 101: return (client, head, answer?.time ?? .now())
        case .answer(let head):
            await client.abort()
            throw Refusal.status(head.status)
        case .ended: throw ClientError.unreachable("the server closed the connection before it answered the handshake")
        case nil:
            await client.abort()
            throw Refusal.silent
        default:
            await client.abort()
            throw Refusal.notWebSocket
        }
    }
}
