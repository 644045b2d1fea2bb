import ConsumerRuntime
import NIOCore
import NIOPosix
import Testing

/// The third seed's detailed consumer, in Swift.
private final class RoomConsumer: JSONWebSocketConsumer {
    private var group: String { "room_\(scope.urlRoute?.kwargs["room"] ?? "")" }

    override func connect() async throws {
        guard scope.queryString != "anonymous" else { return try await close(code: 4001) }
        guard scope.urlRoute?.kwargs["room"] != "secret" else { throw DenyConnection() }
        try await groupAdd(group)
        try await accept(subprotocol: scope.subprotocols.first)
        try await send(json: ["type": "history"])
    }

    override func receive(json: LayerValue) async throws {
        guard case .map(let fields) = json, fields["action"] == "send", let text = fields["message"] else {
            return try await send(json: ["error": "Unknown action"])
        }
        try await groupSend(group, LayerMessage(type: "chat.message", ["message": text]))
    }

    override func receive(unreadable text: String, _ error: any Error) async throws { try await close(code: 4400) }

    override func handle(_ event: LayerMessage) async throws {
        guard event.type == "chat.message" else { return try await super.handle(event) }
        try await send(json: ["message": event["message"] ?? .null])
    }

    override func disconnect(code: Int) async throws { try await groupDiscard(group) }
}

@Suite("Consumers without a server") struct CommunicatorTests {
    private let layer = InMemoryChannelLayer()
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private var application: any ASGIApplication {
        URLRouter([.init("ws/", URLRouter([.init("chat/<room>/", RoomConsumer.application(layer: layer))]))])
    }

    private func client(_ path: String, subprotocols: [String] = []) async throws -> WebSocketCommunicator {
        try await WebSocketCommunicator(application, path, subprotocols: subprotocols, on: loop)
    }

    @Test("connect, send, receive and disconnect, as in Channels' own documentation")
    func conversation() async throws {
        let chat = try await client("/ws/chat/testroom/", subprotocols: ["v1"])
        #expect(try await chat.connect() == .accepted(subprotocol: "v1"))
        #expect(try await chat.receive() == .text(#"{"type":"history"}"#))
        try await chat.send(text: #"{"action": "send", "message": "Hello!"}"#)
        #expect(try await chat.receive() == .text(#"{"message":"Hello!"}"#))
        try await chat.send(text: #"{"action": "dance"}"#)
        #expect(try await chat.receive() == .text(#"{"error":"Unknown action"}"#))
        #expect(await chat.receiveNothing())
        try await chat.disconnect()
        #expect(layer.members(of: "room_testroom").isEmpty)
    }

    @Test("a group reaches every member and nobody else")
    func groups() async throws {
        let members = [
            try await client("/ws/chat/a/"), try await client("/ws/chat/a/"), try await client("/ws/chat/b/"),
        ]
        for member in members {
            _ = try await member.connect()
            _ = try await member.receive()
        }
        try await members[0].send(text: #"{"action": "send", "message": "Hi everyone"}"#)
        for member in members.prefix(2) { #expect(try await member.receive() == .text(#"{"message":"Hi everyone"}"#)) }
        #expect(await members[2].receiveNothing())
        for member in members { try await member.disconnect() }
    }

    @Test("refusals carry their code")
    func refusals() async throws {
        let anonymous = try await client("/ws/chat/a/?anonymous")
        #expect(try await anonymous.connect() == .refused(code: 4001))
        try await anonymous.disconnect(code: 1006)
        let secret = try await client("/ws/chat/secret/")
        #expect(try await secret.connect() == .refused(code: 1000))
        try await secret.disconnect(code: 1006)
    }

    @Test("what gets out of a consumer gets out of the communicator")
    func errors() async throws {
        let lost = try await client("/ws/nowhere/")
        await #expect(throws: NoRoute(wanted: "/ws/nowhere/")) { try await lost.connect() }
        let chat = try await client("/ws/chat/a/")
        _ = try await chat.connect()
        _ = try await chat.receive()
        try await chat.send(text: "not json")
        #expect(try await chat.receiveClose() == 4400)
        try await chat.disconnect()
    }
}
