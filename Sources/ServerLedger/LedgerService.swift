public import Instruments
public import NIOCore
public import ObservationSocket
public import ServiceLifecycle

/// Lets `loopscope attach` see a SwiftNIO server that is not built on the consumer runtime: its connections, and what its
/// loops do. A service: run it beside the server.
///
/// Make it with the server's event loops, put `handler(_:)` first into the pipeline of each connection, and add it to the
/// server's `ServiceGroup`, after the server, so that it ends first. For ticks too, give `ticks` to the loops when they are
/// made: NIO takes a metrics delegate only then.
public final class LedgerService: Service {
    private let loops: [ObjectIdentifier: LoopInstrument]
    private let instrument: Instrument
    private let description: String
    private let place: SocketPlace

    /// A service for the connections of these loops.
    ///
    /// - Parameters:
    ///   - group: the server's event loops.
    ///   - description: the server, for a person.
    ///   - ticks: the metrics delegate that the loops were made with, if they were.
    ///   - place: where the observations are offered; `attach` looks at `.own`.
    public init(
        group: any EventLoopGroup, description: String, ticks: TickMeter? = nil, at place: SocketPlace = .own
    ) {
        let instrument = Instrument(keepsBeginning: false)
        var loops: [ObjectIdentifier: LoopInstrument] = [:]
        for loop in group.makeIterator() {
            let meter = instrument.makeLoop(loop)
            loops[ObjectIdentifier(loop)] = meter
            loop.execute {
                ticks?.begin(meter)
                meter.start()
            }
        }
        self.loops = loops
        self.instrument = instrument
        self.description = description
        self.place = place
    }

    /// A handler that enters a connection into the ledger, for the first place in its pipeline. One for each connection.
    ///
    /// - Parameter name: what the connection is counted under, as a consumer class is: `http`, `chat`.
    public func handler(_ name: String) -> any ChannelHandler & Sendable {
        ConnectionLedgerHandler(name: name, loops: loops)
    }

    /// Offers the observations until the service is told to end.
    ///
    /// - Throws: `SocketPlace.Untrusted`, or an `IOError`, when the socket cannot be had.
    public func run() async throws {
        let listener = try await ObservationListener.start(description: description, at: place) {
            [instrument, description] in InstrumentProbe(instrument, description: description)
        }
        try? await gracefulShutdown()
        await listener.stop()
        for loop in loops.values { await loop.stopNow() }
    }
}
