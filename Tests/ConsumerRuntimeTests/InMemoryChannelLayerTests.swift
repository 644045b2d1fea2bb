import Instruments
import NIOPosix
import Observations
import Synchronization
import Testing

@testable import ConsumerRuntime

/// A clock that a test moves.
private final class HandClock: Sendable {
    private let time = Mutex(Moment(nanoseconds: 0))
    func advance(_ by: Nanoseconds) { time.withLock { $0 = $0 + by } }
    var now: Moment { time.withLock { $0 } }
}

@Suite("The layer in memory, as channels 4.3.2 has it") struct InMemoryChannelLayerTests {
    private let clock = HandClock()
    private let instrument = Instrument()

    private func makeLayer(capacity: Int = 3) -> InMemoryChannelLayer {
        InMemoryChannelLayer(
            limits: .init(capacity: capacity, expiry: .seconds(60), groupExpiry: .seconds(100)), instrument: instrument,
            now: { [clock] in clock.now })
    }

    private func mailbox() -> Mailbox {
        let home = ConsumerLoop(MultiThreadedEventLoopGroup.singleton.next())
        return Mailbox(executor: ConsumerExecutor(home: home, meter: nil), afterDisconnect: .silence)
    }

    @Test("a full channel refuses the new message and keeps the old ones")
    func full() async throws {
        let layer = makeLayer()
        let channel = layer.openChannel(for: mailbox())
        for number in 0..<3 { try await layer.send(channel.name, LayerMessage(type: "n", ["n": .int(number)])) }
        await #expect(throws: ChannelFull(channel: channel.name)) {
            try await layer.send(channel.name, LayerMessage(type: "n", ["n": 3]))
        }
        for number in 0..<3 { #expect(channel.take()?["n"]?.int == number) }
        #expect(channel.take() == nil)
        #expect(instrument.takeLayerEvents().map(\.kind) == [.full])
    }

    @Test("a group message is dropped for the member that is full, and for no other")
    func dropped() async throws {
        let layer = makeLayer(capacity: 1)
        let channels = [layer.openChannel(for: mailbox()), layer.openChannel(for: mailbox())]
        for channel in channels { try await layer.groupAdd("g", channel.name) }
        try await layer.send(channels[0].name, LayerMessage(type: "first"))
        try await layer.groupSend("g", LayerMessage(type: "second"))
        #expect(channels[0].take()?.type == "first")
        #expect(channels[0].take() == nil)
        #expect(channels[1].take()?.type == "second")
        let event = try #require(instrument.takeLayerEvents().first)
        #expect(event.kind == .dropped && event.group == "g" && event.count == 1)
    }

    @Test("a message nobody takes expires, and takes the channel's memberships with it")
    func expiry() async throws {
        let layer = makeLayer()
        let gone = layer.openChannel(for: mailbox())
        try await layer.groupAdd("g", gone.name)
        gone.close()
        try await layer.groupSend("g", LayerMessage(type: "unread"))
        #expect(layer.members(of: "g") == [gone.name])
        clock.advance(.seconds(61))
        try await layer.groupSend("g", LayerMessage(type: "later"))
        #expect(layer.members(of: "g").isEmpty)
        #expect(Set(instrument.takeLayerEvents().map(\.kind)) == [.expired, .membershipExpired])
    }

    @Test("a membership expires unless it is renewed")
    func groupExpiry() async throws {
        let layer = makeLayer()
        let (one, two) = (layer.openChannel(for: mailbox()), layer.openChannel(for: mailbox()))
        for channel in [one, two] { try await layer.groupAdd("g", channel.name) }
        clock.advance(.seconds(90))
        try await layer.groupAdd("g", two.name)
        clock.advance(.seconds(20))
        try await layer.groupSend("g", LayerMessage(type: "x"))
        #expect(layer.members(of: "g") == [two.name])
    }

    @Test("names are checked", arguments: ["", "a b", "ä", "a/b", String(repeating: "x", count: 100), "a!b"])
    func names(name: String) async throws {
        let layer = makeLayer()
        await #expect(throws: InvalidName(name: name)) { try await layer.groupSend(name, LayerMessage(type: "x")) }
        if name != "a!b" {
            await #expect(throws: InvalidName(name: name)) { try await layer.send(name, LayerMessage(type: "x")) }
        }
    }
}
