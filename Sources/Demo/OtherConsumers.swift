public import ConsumerRuntime
import Glibc

/// Renders a thumbnail on the loop, as if it were quick: every other connection of the loop waits for it.
///
/// Finding: LS601, with the line that computes.
open class ThumbnailConsumer: WebSocketConsumer {
    /// Renders, then answers.
    open override func receive(text: String) async throws {
        Self.render(milliseconds: 300)
        try await send(text: "rendered \(text)")
    }

    /// Computes on the calling thread for so much CPU time, however busy the machine is.
    @inline(never)
    static func render(milliseconds: Int) {
        // libc's own clock, so that whatever a stack ends in, this is the innermost function of ours.
        var now = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        let end = now.tv_sec * 1000 + now.tv_nsec / 1_000_000 + milliseconds
        var pixel: UInt64 = 1
        while now.tv_sec * 1000 + now.tv_nsec / 1_000_000 < end {
            for _ in 0..<100_000 { pixel = pixel &* 6_364_136_223_846_793_005 &+ 1 }
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        }
    }
}

/// The same work, off the loop.
open class OffloadedThumbnailConsumer: WebSocketConsumer {
    /// Has it rendered elsewhere, then answers.
    open override func receive(text: String) async throws {
        try await Task.sleep(for: .milliseconds(300))
        try await send(text: "rendered \(text)")
    }
}

/// Overrides the handler of the disconnect and forgets to stop: Channels' other way to outlive a connection (LS004).
open class PresenceConsumer: WebSocketConsumer {
    /// Notes the absence, and returns.
    open override func websocketDisconnect(code: Int) async throws { lastSeen = code }

    /// The code of the disconnect.
    public private(set) var lastSeen: Int?
}

/// The same, with the call of its base.
open class FixedPresenceConsumer: WebSocketConsumer {
    /// Notes the absence, then stops.
    open override func websocketDisconnect(code: Int) async throws {
        lastSeen = code
        try await super.websocketDisconnect(code: code)
    }

    /// The code of the disconnect.
    public private(set) var lastSeen: Int?
}

/// Neither accepts nor closes: the client waits until the server loses patience (LS201).
open class UndecidedConsumer: WebSocketConsumer {
    /// Makes up its mind tomorrow.
    open override func connect() async throws {}
}

/// Starts a task for each connection and does not end it (LS101).
open class TickerConsumer: WebSocketConsumer {
    /// Accepts, and ticks.
    open override func connect() async throws {
        try await accept()
        startTask(named: "ticker") { while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) } }
    }
}

/// The same, with the end.
open class FixedTickerConsumer: WebSocketConsumer {
    private var ticker: Task<Void, Never>?

    /// Accepts, and ticks.
    open override func connect() async throws {
        try await accept()
        ticker = startTask(named: "ticker") {
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        }
    }

    /// Ends the task with the connection.
    open override func disconnect(code: Int) async throws {
        ticker?.cancel()
        await ticker?.value
    }
}

/// Says goodbye slowly, and then does stop: not a finding, however long it takes within a server's patience.
open class SlowGoodbyeConsumer: WebSocketConsumer {
    /// Takes its time.
    open override func disconnect(code: Int) async throws { try await Task.sleep(for: .milliseconds(500)) }
}

/// Catches its own errors where they happen, and nothing else: an honest neighbour of the swallowed stop.
open class CarefulConsumer: WebSocketConsumer {
    /// A message that could not be handled.
    public struct Unreadable: Error {}

    /// Handles a message's error without hiding the end.
    open override func receive(text: String) async throws {
        do {
            guard text != "bad" else { throw Unreadable() }
            try await send(text: text)
        } catch is Unreadable {
            try await send(text: "unreadable")
        }
    }
}
