import Clocks
import NIOCore
import Observations
import Scenarios
import WebSocket

extension ClientRun {
    /// Does what no good client does.
    func misbehave(_ what: Misbehaviour) async throws {
        switch what {
        case .silence, .slowHandshake, .closeBeforeAccept: try await misbehaveBeforeOpening(what)
        case .abort: try await abort()
        case .halfClose: try await open().halfClose()
        case .vanish(let time):
            let client = try open()
            try await client.readIncoming(false)
            try await rest(time)
            try await client.readIncoming(true)
        case .slowRead(let rate, let time): try await slowRead(rate, for: time)
        case .leaveMidHandler(let payload):
            try await send(payload)
            try await abort()
        case .oversize(let count): try await wholesale(count)
        case .badUTF8: try await provoke(frame(.text, [0xC3, 0x28, 0xFF]))
        case .badMask: try await provoke([0x81, 0x02, UInt8(ascii: "h"), UInt8(ascii: "i")])
        case .badOpcode: try await provoke([0x8B, 0x80, 1, 2, 3, 4])
        case .endlessFragments(let rate, let time): try await fragments(rate, for: time)
        case .pingFlood(let rate, let time): try await pings(rate, for: time)
        case .doubleClose:
            let client = try open()
            let close = frame(.close, FrameWriter.closePayload(.normal))
            try await client.send(raw: close + close)
            await gone(client)
        case .duplicateUpgrade:
            let request = ClientHandshake(
                host: stage.endpoint.authority, target: stage.path, key: Handshake.key(using: &generator))
            try await open().send(raw: request.request)
        }
    }

    // MARK: Before the WebSocket is open

    private func misbehaveBeforeOpening(_ what: Misbehaviour) async throws {
        let request = ClientHandshake(
            host: stage.endpoint.authority, target: target(Step.Connect()),
            key: Handshake.key(using: &generator)
        ).request
        let connection = try await TCPClient.connect(to: stage.endpoint, within: .seconds(30), group: stage.group)
        defer { connection.channel.close(promise: nil) }
        switch what {
        case .silence(let time):
            due = due + time
            try await connection.ended(by: due)
        case .slowHandshake(let rate):
            do { try await drip(request[...], rate) { try await connection.send($0) } } catch is ClientError {
                // The server lost patience, which is its right.
            }
        default:
            try await connection.send(request[...])
            await connection.abort()
        }
    }

    // MARK: On the open WebSocket

    private func abort() async throws {
        let client = try open()
        ended(code: 1006)
        await client.abort()
    }

    /// Sends what must end the connection, and sees it end.
    private func provoke(_ bytes: [UInt8]) async throws {
        let client = try open()
        try await client.send(raw: bytes)
        await gone(client)
    }

    /// Waits for the end, at most ten seconds: a server that goes on after that fails the step.
    private func gone(_ client: WebSocketClient) async {
        let deadline = Moment.now() + .seconds(10)
        while let arrival = try? await client.arrival(within: max(.zero, deadline - .now())) {
            guard case .closed(let code, _) = arrival.message else { continue }
            ended(code: code)
            return
        }
    }

    private func rest(_ time: Nanoseconds) async throws {
        due = due + time
        try await loop.wait(until: due)
    }

    /// Reads by hand, a piece every 100 ms, through a small receive buffer.
    private func slowRead(_ rate: Int, for time: Nanoseconds) async throws {
        let client = try open()
        let end = due + time
        try await client.readSlowly(bytes: max(1, rate / 10))
        while due < end {
            due = due + .milliseconds(100)
            try await loop.wait(until: min(due, end))
            await client.readOnce()
        }
        try await client.readIncoming(true)
    }

    /// One message, in one frame, written in pieces so that it need not be held whole.
    private func wholesale(_ count: Int) async throws {
        let client = try open()
        // A key of zeros leaves the payload as it is; it need not be unforeseeable here.
        let header = FrameHeader(opcode: .binary, maskingKey: 0, length: count)
        do {
            try await client.send(raw: header.bytes)
            let piece = [UInt8](repeating: 0x20, count: 65_536)
            var left = count
            while left > 0 {
                try await client.sendAndFlush(raw: piece.prefix(left))
                left -= piece.count
            }
        } catch ClientError.closed(let code) { ended(code: code) }
        stage.count { $0.sent += 1 }
    }

    private func fragments(_ rate: Int, for time: Nanoseconds) async throws {
        let client = try open()
        let end = due + time
        var isFirst = true
        do {
            while due < end {
                try await client.send(
                    frame: isFirst ? .binary : .continuation, [UInt8](repeating: 0x20, count: max(1, rate / 10)),
                    isFinal: false)
                isFirst = false
                due = due + .milliseconds(100)
                try await loop.wait(until: due)
            }
        } catch ClientError.closed(let code) { ended(code: code) }
    }

    private func pings(_ rate: Double, for time: Nanoseconds) async throws {
        let client = try open()
        client.dropIncoming(true)
        let (start, end) = (due, due + time)
        var sent = 0
        do {
            while due < end {
                // In batches of ten milliseconds: a timer for each would be the driver's own load.
                due = due + .milliseconds(10)
                let wanted = Int((due - start).seconds * rate)
                for _ in sent..<max(sent, wanted) { try await client.ping() }
                sent = max(sent, wanted)
                try await loop.wait(until: due)
            }
            client.dropIncoming(false)
        } catch ClientError.closed(let code) { ended(code: code) }
    }

    private func drip(
        _ bytes: ArraySlice<UInt8>, _ rate: Int, _ send: (ArraySlice<UInt8>) async throws -> Void
    ) async throws {
        let piece = max(1, rate / 10)
        let pause = Nanoseconds(Int64(1e9 * Double(piece) / Double(rate)))
        var rest = bytes
        while !rest.isEmpty {
            try await send(rest.prefix(piece))
            rest = rest.dropFirst(piece)
            due = due + pause
            try await loop.wait(until: due)
        }
    }
}

/// A frame as a client sends it.
private func frame(_ opcode: Opcode, _ payload: [UInt8]) -> [UInt8] {
    var writer = FrameWriter.client()
    return writer.frame(opcode, payload)
}

extension FrameHeader {
    fileprivate var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.maximumSize) { target, count in
            count = write(to: UnsafeMutableRawBufferPointer(target))
        }
    }
}

extension WebSocketClient {
    /// Whether what arrives is read at all.
    func readIncoming(_ reads: Bool) async throws {
        try await channel.setOption(.autoRead, value: reads).get()
        if reads { channel.read() }
    }

    /// Reads only when told to, so many bytes at a time, and lets the kernel keep little.
    func readSlowly(bytes: Int) async throws {
        try await channel.setOption(.autoRead, value: false).get()
        try await channel.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: bytes)).get()
        try await channel.setOption(.maxMessagesPerRead, value: 1).get()
        try await channel.setOption(.socketOption(.so_rcvbuf), value: 4096).get()
    }

    /// Reads once.
    func readOnce() async { channel.read() }

    /// Sends FIN; the other direction stays.
    func halfClose() async throws {
        do { try await channel.close(mode: .output) } catch { throw ClientError.closed(code: 1006) }
    }

    /// Sends bytes and waits until the kernel has them.
    func sendAndFlush(raw bytes: ArraySlice<UInt8>) async throws {
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
        } catch {
            throw ClientError.closed(code: 1006)
        }
    }

    /// Whether what arrives is dropped unread by anybody.
    func dropIncoming(_ drops: Bool) { channel.eventLoop.execute { [handler] in handler.value.isDropping = drops } }
}
