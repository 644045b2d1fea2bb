import Instruments
import NIOCore
import Observations

/// Dispatches what the server and the layer say to an instance, one message after the other, until its `dispatch` throws.
///
/// Only an error ends it: `StopConsumer` as it should (channels 4.3.2, channels/utils.py `await_many_dispatch`).
/// A turn that did not suspend yields to the loop, so that a consumer that is always ready burns its core and starves
/// nobody. Not inlined: it is where the search for a swallowed stop ends.
@inline(never)
func awaitManyDispatch(_ mailbox: Mailbox, _ consumer: AsyncConsumer) async throws {
    let executor = mailbox.executor
    while true {
        let jobs = executor.jobs
        let message = try await mailbox.nextToDispatch()
        do {
            try await consumer.dispatch(message)
            executor.dispatchReturned()
        } catch {
            executor.meter?.dispatchEnds(error)
            throw error
        }
        if executor.jobs == jobs { await executor.home.yield() }
    }
}

extension Message {
    /// What the meter tells apart.
    var kind: MessageKind {
        switch self {
        case .websocketReceive: .receive
        case .websocketDisconnect, .httpDisconnect: .disconnect
        default: .other
        }
    }
}

extension InstanceMeter {
    /// The dispatch ends with an error, one of which is as it should be.
    func dispatchEnds(_ error: any Error) {
        if error is StopConsumer { return dispatchEnds(.stopped) }
        if error is CancellationError { return dispatchEnds(.cancelled) }
        dispatchEnds(.threw, error: String(reflecting: type(of: error)))
    }

    /// The application ends.
    func instanceEnded(_ ending: Connection.Ending, killed: Bool) {
        switch ending {
        case .returned: instanceEnded(.returned)
        case .cancelled: instanceEnded(killed ? .killed : .cancelled)
        case .threw(let error): instanceEnded(.threw, error: String(reflecting: type(of: error)))
        }
    }
}
