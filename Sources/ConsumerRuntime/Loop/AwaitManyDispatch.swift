import NIOCore
import Observations

/// Dispatches what the server and the layer say, one message after the other, until `dispatch` throws.
///
/// Only an error ends it: `StopConsumer` as it should (channels 4.3.2, channels/utils.py `await_many_dispatch`).
/// A turn that did not suspend yields to the loop, so that a consumer that is always ready burns its core and starves
/// nobody. Not inlined: it is where the search for a swallowed stop ends.
@inline(never)
func awaitManyDispatch(_ mailbox: Mailbox, _ dispatch: (Message) async throws -> Void) async throws {
    let executor = mailbox.executor
    let meter = executor.meter
    while true {
        let jobs = executor.jobs
        let message = try await mailbox.next()
        executor.home.loop.assertInEventLoop()
        meter?.dispatchBegins(message)
        do {
            try await dispatch(message)
            meter?.dispatchEnds(.returned)
        } catch {
            meter?.dispatchEnds(error)
            throw error
        }
        if executor.jobs == jobs { await executor.home.yield() }
    }
}
