import Clocks
import Observations
import Scenarios
import Synchronization

/// What the clients of one phase share.
final class Stage: Sendable {
    let endpoint: Endpoint
    /// The path of steps that name none.
    let path: String
    let phase: String
    let group: ClientGroup
    let sink: any ObservationSink
    let barriers: Barriers
    /// Where clients come from.
    let sources: SourceAddresses
    private let state = Mutex(ClientTally())

    init(
        endpoint: Endpoint, path: String, phase: String, group: ClientGroup, sink: any ObservationSink,
        barriers: Barriers, sources: SourceAddresses
    ) {
        (self.endpoint, self.path, self.phase) = (endpoint, path, phase)
        (self.group, self.sink, self.barriers, self.sources) = (group, sink, barriers, sources)
    }

    /// Changes the tally.
    func count(_ change: (inout ClientTally) -> Void) { state.withLock { change(&$0) } }

    /// The tally as it stands.
    var tally: ClientTally { state.withLock { $0 } }

    /// Records what one client saw.
    func saw(_ kind: ClientEvent.Kind, by client: Int, code: Int? = nil, latency: Nanoseconds? = nil) {
        sink.record([
            .client(
                ClientEvent(
                    time: .now(), client: UInt64(client), phase: phase, kind: kind, code: code, latency: latency))
        ])
    }
}
