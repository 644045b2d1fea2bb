import WebSocket

/// Any bytes from any peer: no trap, and the same events however the bytes were cut.
func fuzzWebSocket(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(UnsafeBufferPointer(start: data, count: count))
    guard let first = bytes.first else { return 0 }
    let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    for peer in [MessageReader.Peer.client, .server] {
        let whole = events(rest, peer, piece: max(1, rest.count))
        let cut = events(rest, peer, piece: Int(first % 7) + 1)
        precondition(whole == cut, "the events depend on how the bytes were cut")
    }
    var handshake = ClientHandshake(host: "127.0.0.1", target: "/ws", key: "AAAAAAAAAAAAAAAAAAAAAA==")
    _ = try? handshake.read(rest)
    return 0
}

/// What a reader makes of the bytes, handed to it `piece` at a time.
private func events(_ bytes: UnsafeRawBufferPointer, _ peer: MessageReader.Peer, piece: Int) -> [WebSocketEvent] {
    var reader = MessageReader(peer: peer, limit: 1 << 16)
    var found: [WebSocketEvent] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        reader.read(UnsafeRawBufferPointer(rebasing: rest.prefix(piece))) { found.append($0) }
        rest = rest.dropFirst(piece)
    }
    return found
}
