import CPythonLayouts
import Observations
import TargetMemory

extension ServerKnowledge {
    /// hypercorn 0.11 to 0.18: hypercorn/protocol/ws_stream.py.
    static let hypercorn: [ServerKnowledge] = [
        .init(
            package: "hypercorn", connectionClass: "hypercorn.protocol.ws_stream.WSStream",
            socket: {
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
            },
            rules: { (reader, connection) throws(RemoteReadError) in
                guard let config = try reader.attribute("config", of: connection) else { return .init() }
                return .init(handshake: .max, patience: .max, grace: try reader.seconds("graceful_timeout", of: config))
            })
    ]
}

extension ObjectReader {
    /// hypercorn/asyncio/run.py: `worker_serve` runs for as long as the worker does.
    func hypercorn(_ frame: PythonFrame) throws(RemoteReadError) -> ServerState? {
        var found = ServerState(package: "hypercorn")
        let (context, config) = (try local("context", of: frame), try local("config", of: frame))
        if let terminated = try attribute("terminated", of: context),
            let event = try attribute("_event", of: terminated)
        {
            found.isStopping = try flag("_value", of: event)
        }
        found.applications = try count(try local("server_tasks", of: frame))
        found.grace = try seconds("graceful_timeout", of: config)
        return found
    }
}
