import CPythonLayouts
import Observations
import TargetMemory

/// How to read one server implementation's connection object: a row of a table, one file per server.
struct ServerKnowledge: Sendable {
    /// The server's package: `uvicorn`.
    var package: String
    /// Its WebSocket implementation, where it has several.
    var implementation: String?
    /// Qualified name of the class that stands for a connection.
    var connectionClass: String
    /// Whether only the first disconnect it delivers has a `reason` key (real-servers facts: uvicorn's legacy
    /// implementation answers every later `receive` with a bare one).
    var marksFirstDisconnect = false
    /// The state of a connection object.
    var socket: @Sendable (ObjectReader, RemoteAddress) throws(RemoteReadError) -> SocketState

    /// All that are known.
    static let all: [String: ServerKnowledge] = Dictionary(
        uniqueKeysWithValues: (uvicorn + daphne + hypercorn).map { ($0.connectionClass, $0) })
}

extension ObjectReader {
    /// The number an attribute holds.
    func number(_ name: String, of object: RemoteAddress) throws(RemoteReadError) -> Int? {
        try attribute(name, of: object).flatMap { (value) throws(RemoteReadError) in try integer(value) }
    }

    /// Whether an attribute holds `True`.
    func flag(_ name: String, of object: RemoteAddress) throws(RemoteReadError) -> Bool? {
        try attribute(name, of: object).flatMap { (value) throws(RemoteReadError) in try boolean(value) }
    }
}
