import NIOEmbedded
import Observations
import Synchronization

@testable import Instruments

/// Keeps what is recorded.
final class Collector: ObservationSink {
    private let log = Mutex<[Observation]>([])
    func record(_ observations: [Observation]) { log.withLock { $0 += observations } }
    var all: ObservationLog { ObservationLog(log.withLock { $0 }) }
}

/// A loop that counts, observed, on the test's own thread.
struct Bench {
    let collector = Collector()
    let instrument = Instrument()
    let loop: LoopInstrument

    init() {
        loop = instrument.makeLoop(EmbeddedEventLoop())
        _ = instrument.attach(collector)
    }

    func instance(_ consumer: String = "Chat") -> InstanceMeter {
        let meter = loop.connectionOpened(path: "/", hasHandshake: false)
        meter.instanceStarted(consumer, type: nil, route: nil, tasks: [])
        return meter
    }

    /// What was observed, the window under way included.
    func flushed() -> ObservationLog {
        loop.turnEnds()
        loop.flush(at: Moment(nanoseconds: 0))
        return collector.all
    }
}
