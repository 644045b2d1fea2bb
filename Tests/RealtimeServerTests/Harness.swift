import Instruments
import ConsumerRuntime
import Demo
import EmbeddedProbe
import NativeProbe
import Observations
import RealtimeServer
import RemoteProcess
import Replay
import Synchronization
import Testing

/// Keeps what a probe says.
final class Collector: ObservationSink {
    private let log = Mutex<[Observation]>([])

    func record(_ observations: [Observation]) { log.withLock { $0 += observations } }

    var all: ObservationLog { ObservationLog(log.withLock { $0 }) }
}

/// What a test sees of a server: made by `withServer`.
struct Harness {
    let server: RealtimeServer
    let probe: EmbeddedProbe
    let collector: Collector

    func connect(_ path: String, subprotocols: [String] = []) async throws -> WebSocketClient {
        try await WebSocketClient.connect(port: server.port, path: path, subprotocols: subprotocols)
    }

    /// Waits until `isSo` holds of what has been observed up to now; gives up after ten seconds.
    func eventually(_ what: String, _ isSo: (ObservationLog) -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            await probe.flush()
            if isSo(collector.all) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("never came true: \(what)")
    }

    /// Waits until every connection that was opened is closed and every instance that was started has ended.
    func balanced(opened: Int) async throws {
        try await eventually("\(opened) opened and closed; started = ended") { log in
            log.count(.opened) == opened && log.count(.closed) == opened && log.count(.started) == log.count(.ended)
        }
    }
}

extension ObservationLog {
    func count(_ step: ConnectionEvent.Step, _ consumer: String? = nil) -> Int {
        connections().filter { $0.step == step && (consumer == nil || $0.consumer == consumer) }.count
    }
}

/// Runs a server with a probe; returns everything that was observed, to the end.
@discardableResult
func withServer(
    _ application: (any ASGIApplication)? = nil, policy: DeliveryPolicy = .hypercorn, loops: Int = 1,
    layer: InMemoryChannelLayer? = nil, configuration: ServerConfiguration? = nil,
    _ body: (Harness) async throws -> Void
) async throws -> ObservationLog {
    let instrument = Instrument()
    let server = try await RealtimeServer.start(
        application: application ?? DemoApplication.make(layer: layer),
        configuration: configuration ?? .init(loops: loops, policy: policy), instrument: instrument,
        prepareThread: { ThreadStackCapture.shared.enroll() })
    let collector = Collector()
    let probe = EmbeddedProbe(
        instrument,
        captureStack: { thread in
            ThreadStackCapture.shared.capture(tid: thread).map { StackTrace(Symbolizer.own.frames(for: $0)) }
        })
    let observing = Task { try await probe.observe(into: collector) }
    let result: Result<Void, any Error>
    do {
        try await body(Harness(server: server, probe: probe, collector: collector))
        result = .success(())
    } catch {
        result = .failure(error)
    }
    observing.cancel()
    _ = try await observing.value
    await server.stop(deadline: .milliseconds(200))
    try result.get()
    return collector.all
}
