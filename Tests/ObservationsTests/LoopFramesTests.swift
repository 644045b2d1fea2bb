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

    @Test(
        "of uvloop, which has no frames, its runner's are known: asyncio's, uvicorn's own, and taskgroup's under hypercorn"
    )
    func uvloop() {
        let turn = [frame("receive", "/srv/app/chat.py")]
        let lib = "/srv/venv/lib/python3.9/site-packages"
        for runner in [
            frame("Runner.run", "/usr/lib/python3.13/asyncio/runners.py"),
            frame("asyncio_run", lib + "/uvicorn/_compat.py"), frame("run", lib + "/taskgroup/runners.py"),
        ] {
            let outer = [frame("<module>", lib + "/hypercorn/__main__.py"), runner]
            #expect(StackTrace(outer + turn).turn.map(Array.init) == turn)
            #expect(StackTrace(outer).turn?.isEmpty == true)
        }
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
