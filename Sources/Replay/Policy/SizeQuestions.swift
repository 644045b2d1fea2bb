import Clocks
import NIOCore
import Observations
import Policy
import WebSocket

/// The questions whose answer is a size: of messages, of what a connection costs.
extension PolicyProber {
    /// What is tried at most.
    private static let largest = 16 << 20

    /// A fragmented message that grows and never ends, so that the application does not hear of it. After each power of
    /// two, and after one byte more, a ping asks whether the server still goes along.
    func largestMessage(by end: Moment) async throws -> PolicyAnswer {
        let client = try await open(by: end).client
        var total = 0
        var power = 1 << 16
        while power <= Self.largest {
            for wanted in [power, power + 1] {
                let piece = [UInt8](repeating: 0x61, count: wanted - total)
                client.send(total == 0 ? .binary : .continuation, piece, isFinal: false)
                client.send(.ping)
                if let how = await refusal(client, by: end) { return .limit(taken: total, refused: wanted, how) }
                if Moment.now() >= end {
                    await client.abort()
                    return total > 0
                        ? .takes(total) : .unknown("it did not answer a ping after \(wanted) bytes in time")
                }
                total = wanted
            }
            power *= 2
        }
        await client.abort()
        return .takes(total)
    }

    /// How the server refused; `nil` when it answered the ping instead, or in time nothing.
    private func refusal(_ client: WireClient, by end: Moment) async -> PolicyEnd? {
        while let (event, _) = await client.next(by: end) {
            switch event {
            case .frame(.pong): return nil
            case .frame(.close(let code, _)): return .close(Int(code.rawValue))
            case .ended(let how): return how
            default: continue
            }
        }
        return nil
    }

    /// The header of a frame of a terabyte, and nothing after it.
    func claim(by end: Moment) async throws -> PolicyAnswer {
        let client = try await open(by: end).client
        let start = Moment.now()
        client.send([0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        // A server refuses it when it reads the header, or never.
        return await ending(of: client, since: start, by: min(end, start + .seconds(3)), withCloseFrame: true)
    }

    /// The offer of a browser.
    func compression(by end: Moment) async throws -> PolicyAnswer {
        let offer = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
        let (client, head, _) = try await open([.pongs, .closes], [offer], by: end)
        await client.abort()
        return head.values("sec-websocket-extensions").first.map { .agreed($0) } ?? .declined
    }

    /// Opens idle connections in five steps, and sees how the resident memory grows with them. The first step is left out:
    /// it pays for what the server loads once.
    func idleCost(by end: Moment) async throws -> PolicyAnswer {
        guard let residentMemory, residentMemory() != nil else {
            return .unknown("the server's process is not known, or may not be read: --pid PID, or doctor -- COMMAND")
        }
        // The largest message is asked for after this, and is to have its share of the time.
        let start = Moment.now()
        let end = start + Nanoseconds(max(0, (end - start).count) / 2)
        var clients: [WireClient] = []
        var points: [(count: Int, bytes: Int)] = []
        var trouble: (any Error)?
        while clients.count < idleConnections, trouble == nil, Moment.now() < end {
            let step = await open(max(1, idleConnections / 5), by: end)
            clients += step.clients
            trouble = step.trouble
            if trouble == nil, let bytes = await settled(residentMemory, by: end) {
                points.append((clients.count, bytes))
            }
        }
        await withTaskGroup(of: Void.self) { tasks in for client in clients { tasks.addTask { await client.abort() } } }
        if Moment.now() >= end {
            let time = Int((Moment.now() - start).seconds.rounded())
            return .unknown(
                "not measured: \(clients.count) of \(idleConnections) connections were opened in \(time) s; give it longer: --within"
            )
        }
        if let trouble { return .unknown("connection \(clients.count + 1) could not be opened: \(trouble)") }
        guard let slope = Self.slope(points) else { return .unknown("the process ended") }
        return .costs(bytes: max(0, slope), connections: clients.count)
    }

    /// Opens so many idle connections, some at a time: a server that takes a second for each is not waited for one by one.
    private func open(_ count: Int, by end: Moment) async -> (clients: [WireClient], trouble: (any Error)?) {
        await withTaskGroup(of: Result<WireClient, any Error>.self) { tasks in
            var (left, opened, trouble) = (count, [WireClient](), (any Error)?.none)
            func openNext() {
                guard left > 0, trouble == nil else { return }
                left -= 1
                tasks.addTask {
                    do { return .success(try await open(by: end).client) } catch { return .failure(error) }
                }
            }
            for _ in 0..<8 { openNext() }
            while let result = await tasks.next() {
                switch result {
                case .success(let client): opened.append(client)
                case .failure(let error): trouble = trouble ?? error
                }
                openNext()
            }
            return (opened, trouble)
        }
    }

    /// The memory once it has been the same three times.
    private func settled(_ read: @Sendable () -> Int?, by end: Moment) async -> Int? {
        var last: Int?
        var same = 0
        while same < 3, Moment.now() < end {
            // Memory settles when the server has finished what the handshakes left to do; nobody tells when that is.
            try? await group.eventLoops.next().wait(until: min(end, .now() + .milliseconds(60)))
            let now = read()
            if now == nil { return nil }
            same = now == last ? same + 1 : 0
            last = now
        }
        return last
    }

    /// Least squares: bytes per connection; `nil` for fewer than two points.
    static func slope(_ points: [(count: Int, bytes: Int)]) -> Int? {
        guard points.count >= 2 else { return nil }
        let n = Double(points.count)
        let x = points.map { Double($0.count) }
        let y = points.map { Double($0.bytes) }
        let (meanX, meanY) = (x.reduce(0, +) / n, y.reduce(0, +) / n)
        let above = zip(x, y).map { ($0 - meanX) * ($1 - meanY) }.reduce(0, +)
        let below = x.map { ($0 - meanX) * ($0 - meanX) }.reduce(0, +)
        guard below > 0 else { return nil }
        return Int((above / below).rounded())
    }
}
