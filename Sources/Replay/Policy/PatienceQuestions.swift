import Clocks
import Observations
import Policy
import WebSocket

/// The questions whose answer is a time: how long a server keeps a client that does nothing, or nothing right.
extension PolicyProber {
    /// A client that answers pings, and says nothing else.
    func pings(by end: Moment) async throws -> PolicyAnswer {
        let (client, _, start) = try await open(by: end)
        var first: Moment?
        while let (event, time) = await client.next(by: end) {
            switch event {
            case .frame(.ping):
                guard let first else {
                    first = time
                    continue
                }
                await client.abort()
                return .every(time - first)
            case .ended:
                return first.map { .every($0 - start) }
                    ?? .unknown("the server closed the idle connection after \(Int((time - start).seconds)) s")
            default: continue
            }
        }
        await client.abort()
        // A second one had no time to come.
        return first.map { .every($0 - start) } ?? .notWithin(.now() - start)
    }

    /// A client that never answers a ping, as one that is out of reach.
    func ghost(by end: Moment) async throws -> PolicyAnswer {
        let (client, _, start) = try await open([], by: end)
        return await ending(of: client, since: start, by: end)
    }

    /// A handshake that the application does not answer.
    func unaccepted(by end: Moment) async throws -> PolicyAnswer {
        guard let hangingPath else {
            return .unknown("needs a path whose connect() answers nothing: --hanging-path /ws/…")
        }
        let client = try await WireClient.connect(to: endpoint, group: group)
        let start = Moment.now()
        client.send(request(hangingPath))
        switch await client.next(by: end) {
        case (.answer(let head), let time)?:
            await client.abort()
            // An answer at once is the application's, not that of a server that has waited long enough.
            return head.status == 101 || time - start < .seconds(1)
                ? .unknown("\(hangingPath) answers at once (\(head.status)); its connect() must answer nothing")
                : .after(time - start, .status(head.status))
        case (.ended(let how), let time)?: return .after(time - start, how)
        default:
            await client.abort()
            return .notWithin(.now() - start)
        }
    }

    /// The head of a request that gets a line longer each second, and never ends.
    func slowHead(by end: Moment) async throws -> PolicyAnswer {
        let client = try await WireClient.connect(to: endpoint, group: group)
        let start = Moment.now()
        client.send(Array(request(path).dropLast(2)))
        while Moment.now() < end {
            if let (event, time) = await client.next(by: min(end, .now() + .seconds(1))) {
                switch event {
                case .answer(let head):
                    await client.abort()
                    return .after(time - start, .status(head.status))
                case .ended(let how): return .after(time - start, how)
                default: continue
                }
            }
            client.send(Array("X-Slow: 1\r\n".utf8))
        }
        await client.abort()
        return .notWithin(.now() - start)
    }

    /// A connection on which nothing is ever said.
    func silence(by end: Moment) async throws -> PolicyAnswer {
        let client = try await WireClient.connect(to: endpoint, group: group)
        return await ending(of: client, since: .now(), by: end)
    }

    /// A close of the client's.
    func close(by end: Moment) async throws -> PolicyAnswer {
        let client = try await open(by: end).client
        let start = Moment.now()
        client.send(.close, FrameWriter.closePayload(.normal))
        return await ending(of: client, since: start, by: end, withCloseFrame: true)
    }

    /// A close of the server's, for an opcode that does not exist, which the client does not answer.
    func unansweredClose(by end: Moment) async throws -> PolicyAnswer {
        let client = try await open(.pongs, by: end).client
        client.send([0x83, 0x80, 0, 0, 0, 0])
        var start: Moment?
        while let (event, time) = await client.next(by: end) {
            switch event {
            case .frame(.close): start = time
            case .ended(let how):
                guard let start else { return .unknown("it closes the socket without a close frame") }
                return .after(time - start, how)
            default: continue
            }
        }
        await client.abort()
        return start.map { .notWithin(.now() - $0) } ?? .unknown("it passes over a frame with an unknown opcode")
    }

    /// Waits for the end of a connection.
    ///
    /// - Parameter withCloseFrame: whether a close frame is the end; else the socket's end is, with the code that came before it.
    func ending(
        of client: WireClient, since start: Moment, by end: Moment, withCloseFrame: Bool = false
    ) async -> PolicyAnswer {
        var said: PolicyEnd?
        while let (event, time) = await client.next(by: end) {
            switch event {
            case .frame(.close(let code, _)):
                said = .close(Int(code.rawValue))
                guard withCloseFrame else { continue }
                await client.abort()
                return .after(time - start, .close(Int(code.rawValue)))
            case .answer(let head): said = .status(head.status)
            case .ended(let how): return .after(time - start, said ?? how)
            default: continue
            }
        }
        await client.abort()
        return .notWithin(.now() - start)
    }
}
