import Instruments
import ArgumentParser
import ConsumerRuntime
import Demo
import EmbeddedProbe
import NativeProbe
import ObservationSocket
import Observations
import RealtimeServer
import RemoteProcess

/// `--policy`: whose way of ending a connection the embedded server takes.
enum PolicyName: String, ExpressibleByArgument, CaseIterable, Sendable {
    case uvicornWebsockets = "uvicorn-websockets"
    case uvicornSansIO = "uvicorn-sansio"
    case daphne
    case hypercorn

    /// The policy; `patience` is how long daphne waits for a consumer that outlives its connection.
    func policy(patience: Duration = .seconds(10)) -> DeliveryPolicy {
        switch self {
        case .uvicornWebsockets: .uvicornWebsockets
        case .uvicornSansIO: .uvicornSansIO
        case .daphne: .daphne(closeDeadline: patience)
        case .hypercorn: .hypercorn
        }
    }
}

/// The embedded server in this process, with the probe that observes it.
struct EmbeddedTarget: Sendable {
    let server: RealtimeServer
    let probe: EmbeddedProbe
    private let instrument: Instrument
    private let description: String

    /// Starts to listen on loopback.
    ///
    /// - Throws: a `CommandError` when the port cannot be had.
    static func start(
        policy: DeliveryPolicy, loops: Int, port: Int, connections: Int? = nil
    ) async throws -> EmbeddedTarget {
        let instrument = Instrument()
        let description = "embedded runtime, \(policy.name) delivery, \(loops) loop\(loops == 1 ? "" : "s")"
        do {
            let server = try await RealtimeServer.start(
                application: DemoApplication.make(layer: InMemoryChannelLayer(instrument: instrument)),
                configuration: ServerConfiguration(
                    loops: loops, policy: policy, port: port, connections: connections),
                instrument: instrument, prepareThread: { ThreadStackCapture.shared.enroll() })
            return EmbeddedTarget(
                server: server, probe: makeProbe(instrument, description), instrument: instrument,
                description: description)
        } catch {
            throw CommandError(
                "cannot listen on 127.0.0.1:\(port)", why: "\(error)".plain(),
                do: "choose another port, or 0 for a free one", status: .unavailable)
        }
    }

    private static func makeProbe(_ instrument: Instrument, _ description: String) -> EmbeddedProbe {
        EmbeddedProbe(instrument, description: description, tool: Loopscope.version, captureStack: Self.stack)
    }

    /// Offers to other processes what `probe` sees, on this process's private socket.
    ///
    /// - Throws: `SocketPlace.Untrusted`, or an `IOError`.
    func offer(at place: SocketPlace = .own) async throws -> ObservationListener {
        try await ObservationListener.start(description: description, at: place) { [instrument, description] in
            Self.makeProbe(instrument, description)
        }
    }

    /// The native stack of one of our own threads, outermost frame first.
    private static func stack(of thread: Int32) -> StackTrace? {
        ThreadStackCapture.shared.capture(tid: thread).map { StackTrace(Symbolizer.own.frames(for: $0)) }
    }
}
