public import TargetMemory

/// An asyncio task of the target.
public struct PythonTask: Hashable, Sendable {
    /// `TaskObj.task_state`.
    public enum State: Hashable, Sendable {
        /// Not done.
        case pending
        /// Cancelled.
        case cancelled
        /// Ended, with a result or an error.
        case finished
    }

    /// What a task is called.
    public enum Label: Hashable, Sendable, CustomStringConvertible {
        /// By its number, from 3.12 on: asyncio makes `Task-17` of it when it is asked.
        case number(Int)
        /// By this name.
        case text(String)

        /// The name as asyncio would tell it.
        public var description: String {
            switch self {
            case .number(let number): "Task-\(number)"
            case .text(let text): text
            }
        }
    }

    /// The task object.
    public var address: RemoteAddress
    /// Its state.
    public var state: State
    /// Its name.
    public var label: Label
    /// Its coroutine; 0 when it has ended.
    public var coroutine: RemoteAddress
    /// The future it waits for; 0 when it is ready or running.
    public var waiter: RemoteAddress
    /// Its event loop.
    public var loop: RemoteAddress

    /// Numbers that a task can have. One that was freed meanwhile has a pointer in it: no process has made so many tasks.
    package static let numbers = 0..<(1 << 40)

    /// Its name: `Task-17`.
    public var name: String { label.description }
}

/// Where the names of `asyncio.tasks` are: looked up once, valid as long as the module is.
public struct AsyncioModule: Hashable, Sendable {
    /// The module's namespace.
    var namespace: RemoteAddress
}

/// Where in `sys.modules` a name was found, or how big that was when it was not.
struct ModulePlace {
    var index: Int?
    var size: DictSize
}

extension ObjectReader {
    /// The namespace of an imported module.
    public func module(_ name: String, interpreter: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        guard let module = try moduleObject(name, try word(interpreter, layout.interpreter.modules)),
            let type = try type(of: module), try isSubtype(type, of: "module")
        else { return nil }
        return try word(module, 16)
    }

    /// A module by its name: where it was the last time, or wherever it is among some thousand others. That there is none
    /// stays true until one is added.
    private func moduleObject(_ name: String, _ modules: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        let place = modulePlaces[name]
        if let index = place?.index, let entry = try entry(at: index, ofDict: modules),
            try isString(entry.key, equalTo: name)
        {
            return entry.value
        }
        let size = try dictSize(modules)
        if let place, place.index == nil, place.size == size { return nil }
        for entry in try dict(modules) ?? [] where try isString(entry.key, equalTo: name) {
            modulePlaces[name] = ModulePlace(index: try self.place(of: entry, inDict: modules), size: size)
            return entry.value
        }
        // Only now: a search that failed half way has found nothing out.
        modulePlaces[name] = ModulePlace(index: nil, size: size)
        return nil
    }

    /// The modules that were imported, name and module object.
    public func modules(interpreter: RemoteAddress) throws(RemoteReadError) -> [DictEntry] {
        try dict(try word(interpreter, layout.interpreter.modules)) ?? []
    }

    /// `asyncio.tasks`; `nil` when it has not been imported.
    public func asyncio(interpreter: RemoteAddress) throws(RemoteReadError) -> AsyncioModule? {
        try module("asyncio.tasks", interpreter: interpreter).map { AsyncioModule(namespace: $0) }
    }

    /// All tasks of an interpreter, each once, in the order of their addresses. One that ends meanwhile is passed over.
    public func tasks(of asyncio: AsyncioModule, interpreter: RemoteAddress) throws(RemoteReadError) -> [PythonTask] {
        var tasks: [PythonTask] = []
        for address in try taskAddresses(of: asyncio, interpreter: interpreter, live: memory).addresses {
            let found = try ifThere { () throws(RemoteReadError) in try task(address) }
            if let task = found.flatMap({ $0 }) { tasks.append(task) }
        }
        return tasks
    }

    /// The running task of each loop.
    public func currentTasks(of asyncio: AsyncioModule) throws(RemoteReadError) -> [DictEntry] {
        guard let tasks = try value("_current_tasks", in: asyncio.namespace) else { return [] }
        return try dict(tasks) ?? []
    }

    /// A task object, `_asyncio.Task` or one written in Python; `nil` when it is none.
    public func task(_ address: RemoteAddress) throws(RemoteReadError) -> PythonTask? {
        guard address != 0, address & 7 == 0, let type = try type(of: address) else { return nil }
        guard try isSubtype(type, of: "_asyncio.Task") else { return try pythonLevelTask(address, type) }
        let fields = layout.task
        let state: PythonTask.State =
            switch try int32(address, fields.state) & 0xFF {
            case 0: .pending
            case 1: .cancelled
            default: .finished
            }
        let name = try word(address, fields.name)
        return PythonTask(
            address: address, state: state, label: try label(name), coroutine: try word(address, fields.coroutine),
            waiter: try word(address, fields.waiter), loop: try word(address, fields.loop))
    }

    /// A task of Lib/asyncio/tasks.py `_PyTask`, or of a class derived from it: its fields are attributes.
    private func pythonLevelTask(_ address: RemoteAddress, _ type: TypeInfo) throws(RemoteReadError) -> PythonTask? {
        guard try isSubtype(type, of: "Task") else { return nil }
        let attributes = try attributes(address)
        guard let coroutine = try value("_coro", in: attributes), let loop = try value("_loop", in: attributes) else {
            return nil
        }
        // `_state` is the class's until it changes (Lib/asyncio/base_futures.py).
        let state: PythonTask.State =
            switch try value("_state", in: attributes).map({ (name) throws(RemoteReadError) in try string(name) }) {
            case "CANCELLED": .cancelled
            case "FINISHED": .finished
            default: .pending
            }
        let waiter = try value("_fut_waiter", in: attributes) ?? 0
        return PythonTask(
            address: address, state: state, label: try label(try value("_name", in: attributes) ?? 0),
            coroutine: try isNone(coroutine) ? 0 : coroutine, waiter: try isNone(waiter) ? 0 : waiter, loop: loop)
    }

    /// What a task is called, and nothing else of it; `nil` when it is no task.
    public func label(ofTask address: RemoteAddress) throws(RemoteReadError) -> PythonTask.Label? {
        guard address != 0, address & 7 == 0, let type = try type(of: address) else { return nil }
        guard try isSubtype(type, of: "_asyncio.Task") else { return try pythonLevelTask(address, type)?.label }
        return try label(try word(address, layout.task.name))
    }

    /// From 3.12 on the name may still be the number it will be made of.
    private func label(_ object: RemoteAddress) throws(RemoteReadError) -> PythonTask.Label {
        if let name = try string(object, limit: 128) { return .text(name) }
        return try integer(object).flatMap { PythonTask.numbers ~= $0 ? .number($0) : nil } ?? .text("")
    }
}

extension ObjectReader {
    /// The future that a `_asyncio.FutureIter` waits for (Modules/_asynciomodule.c futureiterobject).
    public func future(behind iterator: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        let future = try word(iterator, 16)
        return future == 0 ? nil : future
    }
}

extension ObjectReader {
    /// A name in a module's namespace; 0 when it has none.
    public func moduleMember(_ name: String, of module: RemoteAddress) throws(RemoteReadError) -> RemoteAddress {
        guard module != 0, let type = try type(of: module), try isSubtype(type, of: "module") else { return 0 }
        return try value(name, in: try word(module, 16)) ?? 0
    }
}
