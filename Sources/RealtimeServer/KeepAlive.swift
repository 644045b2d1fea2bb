import NIOCore

/// Pings a client at a policy's interval, and gives it up when no pong comes in time (RFC 6455 §5.5.2). On the loop's thread only.
final class KeepAlive {
    private let loop: any EventLoop
    private let interval: TimeAmount
    private let deadline: TimeAmount
    private let ping: () -> Void
    private let giveUp: () -> Void
    private var timer: Scheduled<Void>?
    private var isPongDue = false

    /// Nothing where the policy does not ping.
    init?(_ policy: DeliveryPolicy, on loop: any EventLoop, ping: @escaping () -> Void, giveUp: @escaping () -> Void) {
        guard let interval = policy.pingInterval else { return nil }
        self.loop = loop
        self.interval = TimeAmount(interval)
        deadline = TimeAmount(policy.pongDeadline)
        self.ping = ping
        self.giveUp = giveUp
    }

    /// The first ping is an interval away.
    func start() {
        timer = loop.assumeIsolated().scheduleTask(in: interval) { [self] in
            isPongDue = true
            ping()
            expectPong()
        }
    }

    private func expectPong() {
        timer = loop.assumeIsolated().scheduleTask(in: deadline) { [self] in
            if isPongDue { giveUp() } else { start() }
        }
    }

    /// The client has answered.
    func pong() { isPongDue = false }

    /// It may be given up by others, or has said goodbye: no more pings.
    func stop() { timer?.cancel() }
}
