package import ConsumerRuntime
package import Instruments
package import NIOCore

/// The server's side of connections without a socket or a thread: for tests that play the network step by step, and for
/// the fuzzer.
package struct EmbeddedHost {
    private let host: LoopHost

    /// The connections of `loop`, served by `application`.
    package init(
        loop: any EventLoop, application: any ASGIApplication,
        configuration: ServerConfiguration = .init(policy: .hypercorn),
        instrument: LoopInstrument? = nil
    ) {
        host = LoopHost(
            home: ConsumerLoop(loop, instrument: instrument), application: application, configuration: configuration)
    }

    /// Sets up a connection that was just accepted.
    package func accept(_ channel: any Channel) throws { try host.accept(channel) }
}
