public import ConsumerRuntime

/// Joins its room's group and forgets to leave it (LS401).
open class ForgetfulConsumer: WebSocketConsumer {
    /// Joins.
    open override func connect() async throws {
        try await groupAdd("room_\(scope.urlRoute?.kwargs["room"] ?? "")")
        try await accept()
    }

    /// Says goodbye, and stays in the group.
    open override func disconnect(code: Int) async throws { lastSeen = code }

    /// The code of the disconnect.
    public private(set) var lastSeen: Int?
}

/// The same, with the end.
open class FixedForgetfulConsumer: WebSocketConsumer {
    private var group: String { "room_\(scope.urlRoute?.kwargs["room"] ?? "")" }

    /// Joins.
    open override func connect() async throws {
        try await groupAdd(group)
        try await accept()
    }

    /// Leaves.
    open override func disconnect(code: Int) async throws { try await groupDiscard(group) }
}

/// Lets an error out of its handler, with which it ends at once: its disconnect, which would leave the group, is never
/// called (LS006).
open class RecklessConsumer: WebSocketConsumer {
    /// A message that could not be handled.
    public struct Unreadable: Error {}

    /// The room is the path's.
    open override var groups: [String] { ["room_\(scope.urlRoute?.kwargs["room"] ?? "")"] }

    /// Echoes, but for what is bad.
    open override func receive(text: String) async throws {
        guard text != "bad" else { throw Unreadable() }
        try await send(text: text)
    }
}

/// The same, which cleans up whatever happens, and lets the error out all the same.
open class FixedRecklessConsumer: RecklessConsumer {
    /// Leaves its groups before an error ends it.
    open override func dispatch(_ message: Message) async throws {
        do {
            try await super.dispatch(message)
        } catch let stop as StopConsumer {
            throw stop
        } catch {
            for group in groups { try await groupDiscard(group) }
            throw error
        }
    }
}
