extension StackTrace {
    /// Files of which some functions run a loop's turns, and those functions: what lies inside the innermost of them is
    /// what the turn does. The same files have others that a turn calls (`call_soon`, `run_in_executor`).
    private static let runnerFiles = [
        "asyncio/base_events.py", "asyncio/runners.py", "asyncio/events.py", "uvloop/__init__.py",
        "twisted/internet/asyncioreactor.py",
        // Before CPython 3.12, whose asyncio.run takes a factory of loops; uvloop has no frames of its own. PyPI's taskgroup has
        // the runner that hypercorn uses before 3.11.
        "uvicorn/_compat.py", "taskgroup/runners.py",
    ]
    private static let runnerFunctions = [
        "_run_once", "run_forever", "run_until_complete", "run", "_run", "wrapper", "asyncio_run",
    ]

    /// What a Python thread's event loop does at this moment: the frames inside the innermost one that runs a loop.
    /// Empty when the loop waits for events (or, on uvloop, does its own work); `nil` when the thread runs no loop.
    public var turn: ArraySlice<Frame>? {
        guard
            let runner = frames.lastIndex(where: { frame in
                guard let file = frame.file, Self.runnerFiles.contains(where: { file.hasSuffix($0) }) else {
                    return false
                }
                return Self.runnerFunctions.contains { name in
                    frame.function == name || frame.function.hasSuffix(".\(name)")
                }
            })
        else { return nil }
        let inner = frames[(runner + 1)...]
        return inner.first?.file?.hasSuffix("selectors.py") == true ? [] : inner
    }
}
