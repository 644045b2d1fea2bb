/// No application for a connection: the server answers 404.
public struct NoRoute: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was looked for: a protocol or a path.
    public var wanted: String

    /// No route for this.
    public init(wanted: String) { self.wanted = wanted }

    /// In words.
    public var description: String { "no route for \(wanted)" }
}

/// Chooses an application by the scope's type (channels/routing.py `ProtocolTypeRouter`).
public struct ProtocolTypeRouter: ASGIApplication {
    private let applications: [Scope.Kind: any ASGIApplication]

    /// A router over these applications.
    public init(_ applications: [Scope.Kind: any ASGIApplication]) { self.applications = applications }

    /// Serves one connection.
    public func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws {
        guard let application = applications[scope.type] else { throw NoRoute(wanted: scope.type.rawValue) }
        try await application(scope, receive, send)
    }
}

/// Chooses an application by path (channels/routing.py `URLRouter`): the first pattern that matches.
///
/// What a pattern captures stands in `scope.urlRoute`. Routers may be nested under a route that is a prefix.
public struct URLRouter: ASGIApplication {
    /// A pattern and its application.
    public struct Route: Sendable {
        let pattern: PathPattern
        let application: any ASGIApplication

        /// A route.
        ///
        /// - Parameter pattern: as Django's `path()`: `ws/chat/<room>/`, `item/<int:id>/`, `files/<path:rest>`.
        public init(_ pattern: String, _ application: any ASGIApplication) {
            self.pattern = PathPattern(pattern)
            self.application = application
        }
    }

    private let routes: [Route]
    /// It does: nested under a route, that route is a prefix.
    public var routesByPath: Bool { true }

    /// A router over these routes.
    public init(_ routes: [Route]) { self.routes = routes }

    /// Serves one connection.
    public func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws {
        guard let (application, inner) = route(scope) else { throw NoRoute(wanted: scope.path) }
        try await application(inner, receive, send)
    }

    /// The application for a scope, and what it is given. Apart from `callAsFunction`, whose frame lasts as long as the
    /// connection.
    private func route(_ scope: Scope) -> (application: any ASGIApplication, inner: Scope)? {
        let path = scope.remainingPath.hasPrefix("/") ? scope.remainingPath.dropFirst() : scope.remainingPath[...]
        for route in routes {
            guard let match = route.pattern.match(path, isPrefix: route.application.routesByPath) else { continue }
            var inner = scope
            inner.remainingPath = String(match.rest)
            let outer = scope.urlRoute
            inner.urlRoute = URLRoute(
                pattern: (outer?.pattern ?? "/") + route.pattern.text,
                kwargs: (outer?.kwargs ?? [:]).merging(match.parameters) { _, new in new })
            return (route.application, inner)
        }
        return nil
    }
}
