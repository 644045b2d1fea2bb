import Observations
import Testing

private func frame(_ function: String, _ file: String) -> Frame { Frame(kind: .python, function: function, file: file) }

@Suite("What a loop's turn does")
struct LoopFramesTests {
    private let start = [
        frame("<module>", "/srv/venv/bin/uvicorn"), frame("Runner.run", "/usr/lib/python3.13/asyncio/runners.py"),
        frame("BaseEventLoop._run_once", "/usr/lib/python3.13/asyncio/base_events.py"),
    ]

    @Test("it is what lies inside the loop, also where that calls the loop's own functions")
    func inside() {
        let handle = frame("Handle._run", "/usr/lib/python3.13/asyncio/events.py")
        let turn = [
            frame("Chat.receive", "/srv/app/chat.py"),
            frame("BaseEventLoop.run_in_executor", "/usr/lib/python3.13/asyncio/base_events.py"),
        ]
        #expect(StackTrace(start + [handle] + turn).turn.map(Array.init) == turn)
        // Before CPython 3.11 functions are not qualified.
        let old = frame("_run_once", "/usr/lib/python3.9/asyncio/base_events.py")
        #expect(StackTrace([old] + turn).turn.map(Array.init) == turn)
    }

    @Test("a loop that waits does nothing, and a thread without a loop has no turn")
    func waiting() {
        let select = frame("EpollSelector.select", "/usr/lib/python3.13/selectors.py")
        #expect(StackTrace(start + [select]).turn?.isEmpty == true)
        #expect(StackTrace(start.dropLast()).turn?.isEmpty == true)
        #expect(StackTrace([frame("_worker", "/usr/lib/python3.13/concurrent/futures/thread.py")]).turn == nil)
        #expect(StackTrace([]).turn == nil)
    }
}
