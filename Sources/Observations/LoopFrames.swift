extension StackTrace {
    /// Files whose functions run a loop's turns: what lies inside the innermost of them is what the turn does.
    private static let runners = [
        "asyncio/base_events.py", "asyncio/runners.py", "asyncio/events.py", "uvloop/__init__.py",
        "twisted/internet/asyncioreactor.py",
    ]

    /// What a Python thread's event loop does at this moment: the frames inside the innermost one that runs a loop.
    /// Empty when the loop waits for events (or, on uvloop, does its own work); `nil` when the thread runs no loop.
    public var turn: ArraySlice<Frame>? {
        guard
            let runner = frames.lastIndex(where: { frame in
                guard let file = frame.file else { return false }
                return Self.runners.contains { file.hasSuffix($0) }
            })
        else { return nil }
        let inner = frames[(runner + 1)...]
        return inner.first?.file?.hasSuffix("selectors.py") == true ? [] : inner
    }
}
