import CPythonLayouts
import Observations
import TargetMemory

extension ServerKnowledge {
    /// daphne 3 and 4: daphne/ws_protocol.py over autobahn's `WebSocketProtocol.state`.
    static let daphne: [ServerKnowledge] = [
        .init(
            package: "daphne", connectionClass: "daphne.ws_protocol.WebSocketProtocol",
            socket: {
                (reader, connection) throws(RemoteReadError) in
                // autobahn/websocket/protocol.py: STATE_CLOSED 0, CONNECTING 1, CLOSING 2, OPEN 3, PROXY_CONNECTING 4.
                switch try reader.number("state", of: connection) {
                case 0: return .closed
                case 1, 4: return .handshake
                case 2: return .closing
                case 3: return .open
                default: return .unknown
                }
            },
            rules: { (reader, connection) throws(RemoteReadError) in
                guard let server = try reader.attribute("server", of: connection) else { return .init() }
                // It ends its applications at once when it is told to end.
                return .init(
                    handshake: try reader.seconds("websocket_handshake_timeout", of: server),
                    patience: try reader.seconds("application_close_timeout", of: server), grace: .zero)
            },
            disconnections: { (reader, connection) throws(RemoteReadError) in
                // daphne/server.py: {protocol: {"connected": …, "disconnected": time, "application_instance": …}}
                guard let server = try reader.attribute("server", of: connection),
                    let connections = try reader.attribute("connections", of: server)
                else { return [:] }
                var times: [RemoteAddress: Double] = [:]
                for entry in try reader.dict(connections) ?? [] {
                    guard let value = try reader.value("disconnected", in: entry.value) else { continue }
                    times[entry.key] = try reader.float(value)
                }
                return times
            })
    ]
}
