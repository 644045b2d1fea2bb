public import Observations
import Replay

/// The story the tool was made for, played over real loopback WebSockets: idle connections are opened and some are
/// closed, beside two clients that go on talking.
public struct SeedStory: Sendable {
    /// The half of the story that is played.
    public enum Half: String, Sendable, CaseIterable {
        /// With the consumer that swallows its stop.
        case sick
        /// With its corrected twin.
        case twin

        var path: String { self == .sick ? "/ws/chat/lobby/" : "/ws/fixed-chat/lobby/" }
    }

    /// Which half.
    public var half: Half
    /// Connections opened to the consumer in question.
    public var idle = 8
    /// How many of them are closed.
    public var closing = 3
    /// How long everything is idle before.
    public var before = Duration.milliseconds(400)
    /// How long it is watched after.
    public var after = Duration.milliseconds(1200)

    /// A half of the story.
    public init(_ half: Half) { self.half = half }

    /// Plays it against the server on a loopback port, and records the phase and what the clients saw.
    ///
    /// - Throws: `ClientError` when the server cannot be reached.
    public func play(port: Int, into sink: any ObservationSink, now: @escaping @Sendable () -> Moment) async throws {
        sink.record([.phase(PhaseMark(time: now(), name: half.rawValue))])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<2 {
                let talker = try await WebSocketClient.connect(port: port, path: "/ws/echo/")
                group.addTask { await talk(talker, number: UInt64(number), into: sink, now: now) }
            }
            var clients: [WebSocketClient] = []
            for _ in 0..<idle { clients.append(try await WebSocketClient.connect(port: port, path: half.path)) }
            try await Task.sleep(for: before)  // part of the story: idle connections cost nothing
            for client in clients.prefix(closing) { _ = await client.close() }
            try await Task.sleep(for: after)  // part of the story: what stays behind
            group.cancelAll()
            try await group.waitForAll()
            withExtendedLifetime(clients) {}
        }
    }

    /// Says something 50 times a second until cancelled.
    private func talk(
        _ client: WebSocketClient, number: UInt64, into sink: any ObservationSink, now: @Sendable () -> Moment
    ) async {
        while !Task.isCancelled {
            guard let latency = try? await client.roundTrip("hello", timeout: .seconds(2)) else {
                sink.record([.client(ClientEvent(time: now(), client: number, phase: half.rawValue, kind: .timedOut))])
                return
            }
            sink.record([
                .client(
                    ClientEvent(time: now(), client: number, phase: half.rawValue, kind: .replied, latency: latency))
            ])
            try? await Task.sleep(for: .milliseconds(20))  // a person's pace, not a load
        }
        _ = await client.close()
    }
}
