/// A JSON consumer whose messages say what they want: `{"action": "send", …}`.
///
/// The pattern of many Channels projects (a handler looked up by the message's `action`); here a `switch` in `receive`.
open class ActionConsumer: JSONWebSocketConsumer {
    /// A message has no handler for its action, or names none.
    public struct UnknownAction: Error, Hashable, Sendable {
        /// What it named; `nil` for nothing.
        public var action: String?
    }

    /// The client wants something. An override gives what it does not know to `super`.
    ///
    /// - Parameter fields: the whole message, `action` included.
    open func receive(action: String, _ fields: [String: LayerValue]) async throws {
        throw UnknownAction(action: action)
    }

    /// The client wants something unknown. Answers `{"error": "Unknown action: …"}`, unless overridden.
    open func receive(unknown action: String?) async throws {
        try await send(json: ["error": "Unknown action: \(action ?? "none")"])
    }

    /// Looks at the action.
    public final override func receive(json: LayerValue) async throws {
        guard case .map(let fields) = json, let action = fields["action"]?.string else {
            return try await receive(unknown: nil)
        }
        do {
            try await receive(action: action, fields)
        } catch let unknown as UnknownAction where unknown.action == action {
            try await receive(unknown: action)
        }
    }
}
