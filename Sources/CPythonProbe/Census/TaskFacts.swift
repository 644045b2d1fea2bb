import CPythonLayouts
import Observations
import TargetMemory

/// What the memory of one task says, and no other's: true for as long as that memory stays as it is.
///
/// Nothing of it depends on other tasks; `CensusDraft` puts the facts of all of them together.
final class TaskFacts: Sendable {
    /// The task.
    let task: PythonTask
    let state: TaskGroup.State
    /// Its chain of coroutines, by its number among those seen.
    let chain: Int
    /// The type of what its innermost coroutine waits for; 0 when it waits for nothing.
    let awaited: RemoteAddress
    /// The consumer it serves.
    let consumer: ConsumerFacts?
    /// Objects it works with that a task may serve.
    let owners: [RemoteAddress]
    /// Whether the last of them is a consumer, whoever serves it.
    let isLastConsumer: Bool
    /// The channel of a layer that it receives from.
    let channel: ChannelSighting?
    /// The server that it runs.
    let server: ServerState?
    /// The call of synchronous code that it waits for.
    let bridge: BridgeWait?

    init(
        task: PythonTask, state: TaskGroup.State, chain: Int, awaited: RemoteAddress, consumer: ConsumerFacts?,
        owners: (objects: [RemoteAddress], isLastConsumer: Bool), channel: ChannelSighting?, server: ServerState?,
        bridge: BridgeWait?
    ) {
        self.task = task
        self.state = state
        self.chain = chain
        self.awaited = awaited
        self.consumer = consumer
        (self.owners, isLastConsumer) = owners
        self.channel = channel
        self.server = server
        self.bridge = bridge
    }
}

/// A consumer as the task that serves it shows it.
final class ConsumerFacts: Sendable {
    /// What is known of the instance. The class's name, its tasks and when its socket closed are added by the census.
    let row: ConsumerInstance
    let type: RemoteAddress
    /// Its server's connection, and the class of that.
    let connection: RemoteAddress
    let server: ServerKnowledge?
    /// The object that is its channel's name.
    let channel: RemoteAddress
    /// The tasks that receive for it.
    let receives: [RemoteAddress]
    /// The list that its dispatch loop keeps them in; 0 when it has none.
    let receiveList: RemoteAddress

    init(
        row: ConsumerInstance, type: RemoteAddress, connection: RemoteAddress = 0, server: ServerKnowledge? = nil,
        channel: RemoteAddress, receives: [RemoteAddress] = [], receiveList: RemoteAddress = 0
    ) {
        self.row = row
        self.type = type
        self.connection = connection
        self.server = server
        self.channel = channel
        self.receives = receives
        self.receiveList = receiveList
    }
}

/// The name of a channel that somebody receives from.
struct ChannelSighting {
    /// The name object: a group holds the very object that its member was given.
    var object: RemoteAddress
    var name: String
}
