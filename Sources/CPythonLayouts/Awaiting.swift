public import TargetMemory

extension ObjectReader {
    /// Most futures and tasks that are looked at for one task.
    private static let awaitedLimit = 4096

    /// The tasks that a task waits for: the one it awaits, or those behind a future of asyncio's that stands for others.
    ///
    /// Sources: Lib/asyncio/tasks.py (`gather`, `shield`, `wait`, `wait_for`, `as_completed`), taskgroups.py (`__aexit__`).
    /// One that waits through an event, a queue or a lock of the application's own waits for no task that could be told.
    public func tasksAwaited(
        by task: PythonTask, _ chain: CoroutineChain
    ) throws(RemoteReadError) -> [RemoteAddress] {
        var waiting = [task.waiter]
        for link in chain.links { waiting += try held(by: link.frame) }
        var seen: Set<RemoteAddress> = [task.address]
        var tasks: [RemoteAddress] = []
        while let future = waiting.popLast(), seen.count < Self.awaitedLimit {
            guard future != 0, future & 7 == 0, seen.insert(future).inserted else { continue }
            // What it waited for may be gone by now.
            let inner = try ifThere { () throws(RemoteReadError) -> [RemoteAddress] in
                if try self.task(future) != nil {
                    tasks.append(future)
                    return []
                }
                return try futures(behind: future)
            }
            waiting += inner ?? []
        }
        return tasks.sorted()
    }

    /// The futures that a function of asyncio has in hand while it waits for them.
    private func held(by frame: PythonFrame) throws(RemoteReadError) -> [RemoteAddress] {
        let code = frame.code
        switch code.name {
        case "__aexit__" where code.fileName.hasSuffix("asyncio/taskgroups.py"),
            "_aexit" where code.fileName.hasSuffix("asyncio/taskgroups.py"):
            return try members("_tasks", of: local("self", of: frame))
        case "_wait" where code.fileName.hasSuffix("asyncio/tasks.py"):
            return try set(local("fs", of: frame)) ?? []
        case "wait_for" where code.fileName.hasSuffix("asyncio/tasks.py"):
            // Up to 3.11 it makes a task of what it is given; then it awaits it itself.
            return [try local("fut", of: frame)]
        case "_wait_for_one" where code.fileName.hasSuffix("asyncio/tasks.py"):
            // Before 3.13 nothing that it holds leads to them.
            return try members("_todo", of: local("self", of: frame))
        default: return []
        }
    }

    private func members(
        _ attribute: String, of object: RemoteAddress
    ) throws(RemoteReadError) -> [RemoteAddress] {
        guard object != 0, let set = try self.attribute(attribute, of: object) else { return [] }
        return try self.set(set) ?? []
    }

    /// What a future stands for: the children of a gathering one, what a shield was put before.
    private func futures(behind future: RemoteAddress) throws(RemoteReadError) -> [RemoteAddress] {
        guard let type = try type(of: future) else { return [] }
        if type.name == "_GatheringFuture" {
            guard let children = try attribute("_children", of: future) else { return [] }
            return try list(children) ?? []
        }
        guard try isSubtype(type, of: "_asyncio.Future") else { return [] }
        // FutureObj_HEAD (Modules/_asynciomodule.c): the first callback is beside the loop.
        let callback = try word(future, layout.task.loop + 8)
        guard callback != 0, callback & 7 == 0,
            try qualifiedName(ofFunction: callback) == "shield.<locals>._outer_done_callback"
        else { return [] }
        return try closure(ofFunction: callback)
    }
}
