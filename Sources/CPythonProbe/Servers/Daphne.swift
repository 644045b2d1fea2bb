import CPythonLayouts
import Observations
import TargetMemory

extension ServerKnowledge {
    /// daphne 3 and 4: daphne/ws_protocol.py over autobahn's `WebSocketProtocol.state`.
    static let daphne: [ServerKnowledge] = [
        .init(package: "daphne", connectionClass: "daphne.ws_protocol.WebSocketProtocol") {
            (reader, connection) throws(RemoteReadError) in
            // autobahn/websocket/protocol.py: STATE_CLOSED 0, CONNECTING 1, CLOSING 2, OPEN 3, PROXY_CONNECTING 4.
            switch try reader.number("state", of: connection) {
            case 0: return .closed
            case 1, 4: return .handshake
            case 2: return .closing
            case 3: return .open
            default: return .unknown
            }
        }
    ]
}
