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

    private struct Fields: Hashable {
        var type: Kind
        var method: String
        var path: String
        var remainingPath: String
        var queryString: String
        var headers: [Header]
        var subprotocols: [String]
        var client: String?
        var urlRoute: URLRoute?
        var extras: [String: LayerValue] = [:]
    }

    /// The fields, on the heap. Each function on the way to a consumer waits with a scope of its own for as long as the
    /// connection lasts: a reference there costs a twentieth of the fields.
    private indirect enum Box: Hashable { case of(Fields) }

    private var box: Box
    private var fields: Fields {
        get {
            switch box {
            case .of(let fields): fields
            }
        }
        set { box = .of(newValue) }
    }

    /// The protocol: `scope["type"]`.
    public var type: Kind {
        get { fields.type }
        set { fields.type = newValue }
    }
    /// The HTTP method; `GET` for WebSockets.
    public var method: String {
        get { fields.method }
        set { fields.method = newValue }
    }
    /// The path, percent-decoded, without the query.
    public var path: String {
        get { fields.path }
        set { fields.path = newValue }
    }
    /// The part of the path that routers before have not consumed.
    public var remainingPath: String {
        get { fields.remainingPath }
        set { fields.remainingPath = newValue }
    }
    /// The query, as it was sent.
    public var queryString: String {
        get { fields.queryString }
        set { fields.queryString = newValue }
    }
    /// Header fields in the order they were sent.
    public var headers: [Header] {
        get { fields.headers }
        set { fields.headers = newValue }
    }
    /// The subprotocols the client offers.
    public var subprotocols: [String] {
        get { fields.subprotocols }
        set { fields.subprotocols = newValue }
    }
    /// The client's address and port, if known.
    public var client: String? {
        get { fields.client }
        set { fields.client = newValue }
    }
    /// What the URL router made of the path: `scope["url_route"]`.
    public var urlRoute: URLRoute? {
        get { fields.urlRoute }
        set { fields.urlRoute = newValue }
    }
    /// What middleware has put in: `scope["user"]`, `scope["session"]`.
    public var extras: [String: LayerValue] {
        get { fields.extras }
        set { fields.extras = newValue }
    }

    /// A scope; `remainingPath` begins as the path.
    public init(
        type: Kind, method: String = "GET", path: String, queryString: String = "", headers: [Header] = [],
        subprotocols: [String] = [], client: String? = nil
    ) {
        box = .of(
            Fields(
                type: type, method: method, path: path, remainingPath: path, queryString: queryString,
                headers: headers, subprotocols: subprotocols, client: client))
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
