/// What a connection is, for as long as it lasts (ASGI specification, "Connection Scope").
public struct Scope: Hashable, Sendable {
    /// The protocols a server speaks.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A request and its response.
        case http
        /// A WebSocket connection.
        case websocket
        /// The server itself, from its start to its end: one scope for each application.
        case lifespan
    }

    /// The protocol: `scope["type"]`.
    public var type: Kind
    /// The HTTP method; `GET` for WebSockets.
    public var method: String
    /// The path, percent-decoded, without the query.
    public var path: String
    /// The part of the path that routers before have not consumed.
    public var remainingPath: String
    /// The query, as it was sent.
    public var queryString: String
    /// Header fields in the order they were sent.
    public var headers: [Header]
    /// The subprotocols the client offers.
    public var subprotocols: [String]
    /// The client's address and port, if known.
    public var client: String?
    /// What the URL router made of the path: `scope["url_route"]`.
    public var urlRoute: URLRoute?
    /// What middleware has put in: `scope["user"]`, `scope["session"]`.
    public var extras: [String: LayerValue] = [:]

    /// A scope; `remainingPath` begins as the path.
    public init(
        type: Kind, method: String = "GET", path: String, queryString: String = "", headers: [Header] = [],
        subprotocols: [String] = [], client: String? = nil
    ) {
        self.type = type
        self.method = method
        self.path = path
        remainingPath = path
        self.queryString = queryString
        self.headers = headers
        self.subprotocols = subprotocols
        self.client = client
    }

    /// What middleware has put in under a name; `nil` when none has.
    public subscript(name: String) -> LayerValue? {
        get { extras[name] }
        set { extras[name] = newValue }
    }

    /// The first value of a header field; names in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// The route that was taken.
public struct URLRoute: Hashable, Sendable {
    /// The pattern, or patterns of nested routers one after the other, as written in the routing table.
    public var pattern: String
    /// Path parameters by name: `scope["url_route"]["kwargs"]`.
    public var kwargs: [String: String]

    /// A route.
    public init(pattern: String, kwargs: [String: String] = [:]) {
        self.pattern = pattern
        self.kwargs = kwargs
    }
}
