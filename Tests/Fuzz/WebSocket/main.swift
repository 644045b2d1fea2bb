import FuzzDriver

/// Text, a ping and a close of a client; text and a binary message in two fragments of a server; the answer to a handshake.
private let seeds: [[UInt8]] = [
    [0, 0x81, 0x82, 1, 2, 3, 4, 0x69, 0x6B, 0x89, 0x80, 0, 0, 0, 0, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8],
    [1, 0x81, 0x03, 0xE2, 0x82, 0xAC, 0x02, 0x01, 0x00, 0x80, 0x7E, 0x00, 0x02, 0x01, 0x02],
    [2]
        + Array(
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n").utf8),
]

fuzz(fuzzWebSocket, seeds: seeds)
