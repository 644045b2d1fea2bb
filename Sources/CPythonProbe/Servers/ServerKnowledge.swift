import CPythonLayouts
import Observations
import TargetMemory

/// How to read one server implementation's connection object: a row of a table, one file per server.
struct ServerKnowledge: Sendable {
    /// What a server does to its connections by its configuration.
    struct Rules: Sendable {
        /// How long a handshake may stay unanswered; `.max` for ever.
        var handshake: Nanoseconds?
        /// How long an application may outlive its connection; `.max` for ever.
        var patience: Nanoseconds?
        /// How long applications may go on after SIGTERM; `.max` for ever.
        var grace: Nanoseconds?
    }

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
    /// The rules, from any connection object.
    var rules: @Sendable (ObjectReader, RemoteAddress) throws(RemoteReadError) -> Rules
    /// When each connection went, as seconds since 1970, where the server keeps that; from any connection object.
    var disconnections: @Sendable (ObjectReader, RemoteAddress) throws(RemoteReadError) -> [RemoteAddress: Double] = {
        (_, _) throws(RemoteReadError) in [:]
    }

    /// All that are known.
    static let all: [String: ServerKnowledge] = Dictionary(
        uniqueKeysWithValues: (uvicorn + daphne + hypercorn).map { ($0.connectionClass, $0) })
}

extension ObjectReader {
    /// The server that a chain runs, as its own objects say; `nil` when it runs none.
    func server(of chain: CoroutineChain) throws(RemoteReadError) -> ServerState? {
        for link in chain.links.prefix(4) {
            let role = link.frame.code.role
            if role.contains(.uvicornServer) { return try uvicorn(link.frame) }
            if role.contains(.hypercornServer) { return try hypercorn(link.frame) }
        }
        return nil
    }

    /// The number an attribute holds.
    func number(_ name: String, of object: RemoteAddress) throws(RemoteReadError) -> Int? {
        try attribute(name, of: object).flatMap { (value) throws(RemoteReadError) in try integer(value) }
    }

    /// Whether an attribute holds `True`.
    func flag(_ name: String, of object: RemoteAddress) throws(RemoteReadError) -> Bool? {
        try attribute(name, of: object).flatMap { (value) throws(RemoteReadError) in try boolean(value) }
    }

    /// The seconds an attribute holds, as an `int` or a `float`; `.max` for `None`, `nil` when there is no such attribute.
    func seconds(_ name: String, of object: RemoteAddress) throws(RemoteReadError) -> Nanoseconds? {
        guard let value = try attribute(name, of: object) else { return nil }
        if try isNone(value) { return .max }
        var seconds = try float(value)
        if let whole = try integer(value) { seconds = Double(whole) }
        guard let seconds, seconds >= 0, seconds < 1e9 else { return nil }
        return Nanoseconds(Int64(seconds * 1e9))
    }
}
