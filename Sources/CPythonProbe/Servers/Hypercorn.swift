import CPythonLayouts
import Observations
import TargetMemory

extension ServerKnowledge {
    /// hypercorn 0.11 to 0.18: hypercorn/protocol/ws_stream.py.
    static let hypercorn: [ServerKnowledge] = [
        .init(package: "hypercorn", connectionClass: "hypercorn.protocol.ws_stream.WSStream") {
            (reader, connection) throws(RemoteReadError) in
            // `closed` is set when the stream is; `state` stays CONNECTED then.
            if try reader.flag("closed", of: connection) == true { return .closed }
            guard let state = try reader.attribute("state", of: connection),
                let name = try reader.attribute("_name_", of: state), let text = try reader.string(name)
            else { return .unknown }
            switch text {
            case "HANDSHAKE": return .handshake
            case "CONNECTED", "RESPONSE": return .open
            case "CLOSED", "HTTPCLOSED": return .closed
            default: return .unknown
            }
        }
    ]
}
