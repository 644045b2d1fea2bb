import CPythonLayouts
import Observations
import TargetMemory

extension ServerKnowledge {
    /// uvicorn 0.20 to 0.54: uvicorn/protocols/websockets/*.py. Every implementation keeps its open connections in
    /// the server's set `connections`, which it leaves in `connection_lost`, on asyncio and uvloop alike.
    static let uvicorn: [ServerKnowledge] = [
        .init(
            package: "uvicorn", implementation: "websockets",
            connectionClass: "uvicorn.protocols.websockets.websockets_impl.WebSocketProtocol",
            marksFirstDisconnect: true,
            socket: { (reader, connection) throws(RemoteReadError) in
                // websockets.protocol.State: CONNECTING 0, OPEN 1, CLOSING 2, CLOSED 3.
                switch try reader.number("state", of: connection) {
                case 0: return try isConnected(reader, connection) == false ? .closed : .handshake
                case 1: return .open
                case 2: return .closing
                case 3: return .closed
                default: return .unknown
                }
            },
            rules: { (reader, connection) throws(RemoteReadError) in
                // websockets' own `open_timeout`, which uvicorn leaves at 10 s.
                .init(handshake: .seconds(10), patience: .max, grace: try grace(reader, connection))
            }),
        .init(
            package: "uvicorn", implementation: "wsproto",
            connectionClass: "uvicorn.protocols.websockets.wsproto_impl.WSProtocol", socket: byFlags,
            rules: withoutLimits),
        .init(
            package: "uvicorn", implementation: "websockets-sansio",
            connectionClass: "uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol",
            socket: byFlags, rules: withoutLimits),
    ]

    private static let withoutLimits: @Sendable (ObjectReader, RemoteAddress) throws(RemoteReadError) -> Rules = {
        (reader, connection) throws(RemoteReadError) in
        .init(handshake: .max, patience: .max, grace: try grace(reader, connection))
    }

    /// `--timeout-graceful-shutdown`; `None` waits for ever.
    private static func grace(
        _ reader: ObjectReader, _ connection: RemoteAddress
    ) throws(RemoteReadError) -> Nanoseconds? {
        guard let config = try reader.attribute("config", of: connection) else { return nil }
        return try reader.seconds("timeout_graceful_shutdown", of: config)
    }

    private static let byFlags: @Sendable (ObjectReader, RemoteAddress) throws(RemoteReadError) -> SocketState = {
        (reader, connection) throws(RemoteReadError) in
        guard try isConnected(reader, connection) != false else { return .closed }
        if try reader.flag("close_sent", of: connection) == true { return .closing }
        switch try reader.flag("handshake_complete", of: connection) {
        case true?: return .open
        case false?: return .handshake
        case nil: return .unknown
        }
    }

    /// Whether the server still counts the connection; `nil` when that cannot be told.
    private static func isConnected(
        _ reader: ObjectReader, _ connection: RemoteAddress
    ) throws(RemoteReadError) -> Bool? {
        guard let connections = try reader.attribute("connections", of: connection) else { return nil }
        return try reader.contains(connection, in: connections)
    }
}

extension ObjectReader {
    /// uvicorn/server.py: `Server.serve` runs for as long as the server does.
    func uvicorn(_ frame: PythonFrame) throws(RemoteReadError) -> ServerState? {
        let server = try local("self", of: frame)
        guard let state = try attribute("server_state", of: server) else { return nil }
        var found = ServerState(package: "uvicorn")
        found.isStopping = try flag("should_exit", of: server)
        found.applications = try attribute("tasks", of: state).flatMap { (tasks) throws(RemoteReadError) in
            try count(tasks)
        }
        found.connections = try attribute("connections", of: state).flatMap { (set) throws(RemoteReadError) in
            try count(set)
        }
        if let config = try attribute("config", of: server) {
            found.grace = try seconds("timeout_graceful_shutdown", of: config)
        }
        return found
    }
}
