/// The state of a connection's socket, as its server keeps it.
public enum SocketState: String, Codable, Hashable, Sendable, CaseIterable {
    /// The handshake has not been answered.
    case handshake
    /// Open.
    case open
    /// A close frame was sent or received, the socket is not gone.
    case closing
    /// Gone.
    case closed
    /// Could not be told.
    case unknown
}

/// What could end a wait, told by the library function that waits: the difference between a goodbye that takes long and one
/// that never ends.
public enum WaitKind: String, Codable, Hashable, Sendable, CaseIterable {
    /// A time of up to a minute: it ends by itself.
    case timer
    /// Work in another thread.
    case thread
    /// A peer: data from a socket, or a subprocess.
    case peer
    /// Other code of this process only: an event, a lock, a queue, a task; or a time that is more than a minute away.
    case event
}

/// One live consumer instance that deserves a row of its own: its socket is not simply open.
public struct ConsumerInstance: Hashable, Sendable, Codable {
    /// The instance: its address, or its connection's id.
    public var id: UInt64
    /// The consumer class.
    public var consumer: String
    /// Its socket.
    public var socket: SocketState
    /// The path, without its query string.
    public var path: String?
    /// Type of the last message it dispatched.
    public var lastMessage: String?
    /// Whether that message carried the server's first-disconnect mark (real-servers: a `reason` key); `nil` if unknown.
    public var lastMessageIsFirstDisconnect: Bool?
    /// Whether it is inside a dispatch now.
    public var dispatching: Bool?
    /// Identity of the receive task or dispatch count: a change between two censuses is a proof of motion.
    public var progress: UInt64?
    /// Disconnects delivered to it; `nil` from outside.
    public var disconnects: Int?
    /// When its socket went, if known.
    public var closedAt: Moment?
    /// Tasks that are its own.
    public var tasks: Int
    /// Groups it is in, if known.
    public var groups: Int?
    /// Where it waits: innermost application frame.
    public var waitingIn: Frame?
    /// Its channel in the layer. A name made by the layer, not by a user.
    public var channel: String?
    /// What could end its wait, if known.
    public var wait: WaitKind?
    /// Whether a dispatch loop serves it. One that is not served lives on because tasks of its own run its methods.
    public var isServed: Bool

    /// A live instance; what could not be read is `nil`.
    public init(
        id: UInt64, consumer: String, socket: SocketState, path: String? = nil, lastMessage: String? = nil,
        lastMessageIsFirstDisconnect: Bool? = nil, dispatching: Bool? = nil, progress: UInt64? = nil,
        disconnects: Int? = nil, closedAt: Moment? = nil, tasks: Int = 0, groups: Int? = nil, waitingIn: Frame? = nil,
        channel: String? = nil, wait: WaitKind? = nil, isServed: Bool = true
    ) {
        self.id = id
        self.consumer = consumer
        self.socket = socket
        self.path = path
        self.lastMessage = lastMessage
        self.lastMessageIsFirstDisconnect = lastMessageIsFirstDisconnect
        self.dispatching = dispatching
        self.progress = progress
        self.disconnects = disconnects
        self.closedAt = closedAt
        self.tasks = tasks
        self.groups = groups
        self.waitingIn = waitingIn
        self.channel = channel
        self.wait = wait
        self.isServed = isServed
    }
}

/// Dispatches counted from outside for a while, by looking again and again whether the receive tasks of some instances are
/// others than before.
public struct DispatchCount: Hashable, Sendable, Codable {
    /// Changes seen.
    public var count: Int
    /// The time in which those were seen: between looks so close to each other that hardly one was missed.
    public var span: Nanoseconds
    /// Instances that were watched.
    public var instances: Int

    /// A count.
    public init(count: Int, span: Nanoseconds, instances: Int) {
        (self.count, self.span, self.instances) = (count, span, instances)
    }

    /// Of one instance; `nil` where nothing was watched.
    public var perSecondEach: Double? {
        guard span > .zero, instances > 0 else { return nil }
        return Double(count) / span.seconds / Double(instances)
    }
}

/// The live instances of one consumer class at one instant.
public struct ConsumerCount: Hashable, Sendable, Codable {
    /// The consumer class, fully qualified.
    public var consumer: String
    /// Where it overrides `dispatch` or `websocket_disconnect`, if it does.
    public var override: CodeLocation?
    /// Live instances by the state of their socket.
    public var sockets: [SocketState: Int]
    /// Tasks that are theirs.
    public var tasks: Int
    /// Groups they are in, if known.
    public var groups: Int?
    /// Dispatches of the instances that seem to spin, where they were counted for a moment.
    public var dispatches: DispatchCount?

    /// The live instances of `consumer`.
    public init(
        consumer: String, override: CodeLocation? = nil, sockets: [SocketState: Int], tasks: Int, groups: Int? = nil
    ) {
        self.consumer = consumer
        self.override = override
        self.sockets = sockets
        self.tasks = tasks
        self.groups = groups
    }

    /// All of them.
    public var alive: Int { sockets.values.reduce(0, +) }
}

/// Who is alive at one instant: a count per class, and a row for each instance that may be stuck.
public struct ConnectionCensus: Hashable, Sendable, Codable {
    /// Most instances that get a row; the counts are always whole.
    public static let instanceLimit = 512

    /// When.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// How it was obtained.
    public var grade: Grade
    /// A count per class.
    public var consumers: [ConsumerCount]
    /// Whether there were more instances than are listed.
    public var isCut: Bool {
        instances.count < consumers.reduce(0) { $0 + $1.alive - ($1.sockets[.open] ?? 0) }
    }
    /// Instances whose socket is not simply open, at most `instanceLimit`.
    public var instances: [ConsumerInstance]
    /// The server, as it keeps itself; `nil` when none was recognized.
    public var server: ServerState?
    /// The channel layers that were made.
    public var layers: [LayerCensus]

    /// A census.
    public init(
        time: Moment, pid: Int32, grade: Grade, consumers: [ConsumerCount], instances: [ConsumerInstance] = [],
        server: ServerState? = nil, layers: [LayerCensus] = []
    ) {
        self.time = time
        self.pid = pid
        self.grade = grade
        self.consumers = consumers
        self.instances = instances
        self.server = server
        self.layers = layers
    }
}

/// Tasks of one group that those of another wait for.
public struct AwaitedTasks: Hashable, Sendable, Codable {
    /// The group they are in, by its place in the census.
    public var group: Int
    /// How many of them are waited for, each once for everybody who waits.
    public var count: Int
    /// The name of one of them, which need not be the one that the group names.
    public var example: String?

    /// `count` tasks of a group.
    public init(group: Int, count: Int, example: String? = nil) {
        self.group = group
        self.count = count
        self.example = example
    }
}

/// Tasks that are alike at one instant.
public struct TaskGroup: Hashable, Sendable, Codable {
    /// The task's state.
    public enum State: String, Codable, Hashable, Sendable {
        /// On the loop now.
        case running
        /// Ready to run, or woken.
        case ready
        /// Waiting for something.
        case waiting
        /// Ended, but still referenced.
        case finished
    }

    /// The outermost coroutine's qualified name, or the name the runtime gave it.
    public var name: String
    /// The consumer class it belongs to, if known.
    public var consumer: String?
    /// Its state.
    public var state: State
    /// What it waits for: a type or a function.
    public var waitsFor: String?
    /// The chain of coroutines, outermost first.
    public var stack: StackTrace
    /// How many are alike.
    public var count: Int
    /// The name of one of them: `Task-17`.
    public var example: String?
    /// Lowest and highest number in their default names: asyncio numbers tasks as it creates them.
    public var numbers: ClosedRange<Int>?
    /// The tasks that they wait for; `nil` where that was not asked. Not recorded.
    public var awaits: [AwaitedTasks]?

    /// `count` tasks that are alike.
    public init(
        name: String, consumer: String? = nil, state: State, waitsFor: String? = nil, stack: StackTrace = .init([]),
        count: Int = 1, example: String? = nil, numbers: ClosedRange<Int>? = nil
    ) {
        self.name = name
        self.consumer = consumer
        self.state = state
        self.waitsFor = waitsFor
        self.stack = stack
        self.count = count
        self.example = example
        self.numbers = numbers
    }
}

/// All tasks of a process at one instant, alike ones counted together.
public struct TaskCensus: Hashable, Sendable, Codable {
    /// When.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// How it was obtained.
    public var grade: Grade
    /// The tasks.
    public var groups: [TaskGroup]

    /// A census.
    public init(time: Moment, pid: Int32, grade: Grade, groups: [TaskGroup]) {
        self.time = time
        self.pid = pid
        self.grade = grade
        self.groups = groups
    }

    /// All of them.
    public var total: Int { groups.reduce(0) { $0 + $1.count } }

    /// Those that have ended and are still referenced: until their owner lets go of them, or a collector pass.
    public var finished: Int { groups.reduce(0) { $0 + ($1.state == .finished ? $1.count : 0) } }
}

/// Live objects per type, from the collector's lists.
public struct TypeCensus: Hashable, Sendable, Codable {
    /// When.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// Live instances per qualified type name.
    public var counts: [String: Int]

    /// A census.
    public init(time: Moment, pid: Int32, counts: [String: Int]) {
        self.time = time
        self.pid = pid
        self.counts = counts
    }
}
