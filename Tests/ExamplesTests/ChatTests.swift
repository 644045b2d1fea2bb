import ConsumerRuntime
import NIOCore
import NIOPosix
import Testing

@testable import ChatExample

@Suite("The chat server of the tutorial, without a server") struct ChatTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test("what one says is heard by everyone in the room, and by nobody else")
    func conversation() async throws {
        let application = makeApplication()
        let alice = try await WebSocketCommunicator(application, "/ws/chat/tea/", on: loop)
        let bob = try await WebSocketCommunicator(application, "/ws/chat/tea/", on: loop)
        let carol = try await WebSocketCommunicator(application, "/ws/chat/coffee/", on: loop)
        for guest in [alice, bob, carol] { #expect(try await guest.connect() == .accepted(subprotocol: nil)) }

        try await alice.send(json: ["action": "say", "text": "hello"])
        for guest in [alice, bob] { #expect(try await guest.receiveJSON() == .map(["said": "hello"])) }
        #expect(await carol.receiveNothing())

        try await bob.send(json: ["action": "sing"])
        #expect(try await bob.receiveJSON()["error"] == "Unknown action: sing")
        for guest in [alice, bob, carol] { try await guest.disconnect() }
    }
}
