/// Something between a router and an application that changes the scope on the way in
/// (channels/middleware.py `BaseMiddleware`).
///
/// A router under it sees what it put into the scope; a scope is a value, so nobody beside sees it.
public struct Middleware: ASGIApplication {
    private let inner: any ASGIApplication
    private let prepare: @Sendable (inout Scope) async throws -> Void

    /// Goes on routing when `inner` does.
    public var routesByPath: Bool { inner.routesByPath }

    /// Middleware around `inner`.
    ///
    /// - Parameter prepare: changes the scope. What it throws refuses the connection.
    public init(_ inner: any ASGIApplication, _ prepare: @escaping @Sendable (inout Scope) async throws -> Void) {
        self.inner = inner
        self.prepare = prepare
    }

    /// Serves one connection.
    public func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws {
        var scope = scope
        try await prepare(&scope)
        try await inner(scope, receive, send)
    }
}

/// Refuses WebSockets that a page of another site opens (channels 4.3.2, channels/security/websocket.py
/// `OriginValidator`): a browser sends cookies with them, whoever wrote the page.
public struct OriginValidator: ASGIApplication {
    private let inner: any ASGIApplication
    private let allowed: [String]

    /// Goes on routing when `inner` does.
    public var routesByPath: Bool { inner.routesByPath }

    /// A validator around `inner`.
    ///
    /// - Parameter allowed: hosts (`example.com`, `.example.com` with its subdomains), origins
    ///   (`https://example.com:8443`), or `*`. A client without an `Origin` is no browser, and is refused unless `*`.
    public init(_ inner: any ASGIApplication, allowed: [String]) {
        self.inner = inner
        self.allowed = allowed.map { $0.lowercased() }
    }

    /// Serves one connection, or closes it before its handshake is answered.
    public func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws {
        guard scope.type != .websocket || isAllowed(scope.header("origin")) else {
            return try await send(.websocketClose(code: 4003))
        }
        try await inner(scope, receive, send)
    }

    /// Whether an origin is one of those allowed.
    func isAllowed(_ origin: String?) -> Bool {
        if allowed.contains("*") { return true }
        guard let origin = origin?.lowercased(), let scheme = origin.firstRange(of: "://") else { return false }
        let authority = origin[scheme.upperBound...]
        guard !authority.contains("/"), !authority.contains("@") else { return false }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return allowed.contains { pattern in
            if pattern.contains("://") { return origin == pattern }
            if pattern.hasPrefix(".") { return host == pattern.dropFirst() || host.hasSuffix(pattern) }
            return host == pattern
        }
    }
}
