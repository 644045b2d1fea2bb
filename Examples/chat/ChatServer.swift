import ConsumerRuntime
import EmbeddedProbe
import Glibc
import Instruments
import ObservationSocket
import RealtimeServer

/// What is said in a room is heard by everyone in it.
final class ChatConsumer: ActionConsumer {
    override var groups: [String] { ["chat_\(scope.urlRoute?.kwargs["room"] ?? "")"] }

    override func receive(action: String, _ fields: [String: LayerValue]) async throws {
        guard action == "say", let text = fields["text"] else {
            return try await super.receive(action: action, fields)
        }
        for room in groups { try await groupSend(room, LayerMessage(type: "chat.said", ["text": text])) }
    }

    override func handle(_ event: LayerMessage) async throws {
        guard event.type == "chat.said" else { return try await super.handle(event) }
        try await send(json: ["said": event["text"] ?? .null])
    }
}

/// The rooms, each under its name.
func makeApplication(_ layer: any ChannelLayer = InMemoryChannelLayer()) -> any ASGIApplication {
    ProtocolTypeRouter([.websocket: URLRouter([.init("ws/chat/<room>/", ChatConsumer.application(layer: layer))])])
}

@main struct ChatServer {
    static func main() async throws {
        let instrument = Instrument(keepsBeginning: false)
        let server = try await RealtimeServer.start(
            application: makeApplication(InMemoryChannelLayer(instrument: instrument)), instrument: instrument)
        let listener = try await ObservationListener.start(description: "a chat server") { EmbeddedProbe(instrument) }
        print("ready \(server.port) pid \(instrument.pid)")
        fflush(nil)  // for who reads it through a pipe
        await server.terminated()
        await listener.stop()
        await server.stop()
    }
}
