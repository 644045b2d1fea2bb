import CPythonLayouts
import Observations
import TargetMemory

extension ObjectReader {
    /// What could end the wait of a chain that does not run: told by the library functions inside the application's
    /// innermost one, and by the time limits that its frames hold.
    ///
    /// Source: asyncio/tasks.py, asyncio/timeouts.py, asyncio/streams.py, asgiref/sync.py.
    func wait(of links: some BidirectionalCollection<CoroutineChain.Link>) throws(RemoteReadError) -> WaitKind? {
        guard let last = links.last?.frame.code else { return nil }
        for link in links {
            let code = link.frame.code
            if code.name == "wait_for", code.fileName.hasSuffix("asyncio/tasks.py") { return .timer }
            if code.name == "sleep", code.fileName.hasSuffix("asyncio/tasks.py") {
                return try isLong(try local("delay", of: link.frame)) ? .event : .timer
            }
            if code.fileName.hasSuffix("asgiref/sync.py") || code.fileName.hasSuffix("asyncio/threads.py") {
                return .thread
            }
            if try holdsTimeLimit(link.frame) { return .timer }
        }
        let peers = ["streams.py", "subprocess.py", "base_subprocess.py", "selector_events.py"]
        if peers.contains(where: { last.fileName.hasSuffix("asyncio/\($0)") }) { return .peer }
        // What another package waits for is not known: a database, most often.
        return last.role.contains(.installed) ? .peer : .event
    }

    /// Whether a delay is so long that nobody waits for its end: a heartbeat's pause is no goodbye.
    private func isLong(_ delay: RemoteAddress) throws(RemoteReadError) -> Bool {
        if let seconds = try float(delay) { return seconds > 60 }
        return (try integer(delay) ?? 0) > 60
    }

    /// Whether a frame is inside `async with timeout(…)`: the block's exit is on its value stack, as a method bound to
    /// the limit or beside it.
    private func holdsTimeLimit(_ frame: PythonFrame) throws(RemoteReadError) -> Bool {
        guard frame.code.isApplication else { return false }
        for object in try valueStack(of: frame) where object != 0 && object & 7 == 0 {
            var name = try type(of: object)?.name
            if name == "method", case .method(_, let receiver) = try callable(object) {
                name = try type(of: receiver)?.name
            }
            if let name, ["Timeout", "CancelScope"].contains(name) { return true }
        }
        return false
    }
}
