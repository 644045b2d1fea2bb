import Observations
import Testing

@testable import Analysis

private func python(_ function: String, _ file: String, definition: Int? = nil) -> Frame {
    Frame(kind: .python, function: function, file: file, line: 50, definition: definition)
}

private let packages = "/srv/venv/lib/python3.13/site-packages"
private let runner = python("BaseEventLoop._run_once", "/usr/lib/python3.13/asyncio/base_events.py")
private let handle = python("Handle._run", "/usr/lib/python3.13/asyncio/events.py")
private let loop = python("await_many_dispatch", "\(packages)/channels/utils.py")
private let wait = python("wait", "/usr/lib/python3.13/asyncio/tasks.py")
private let dispatch = python("Chat.dispatch", "/srv/chat.py", definition: 41)
private let disconnect = python(
    "AsyncWebsocketConsumer.websocket_disconnect", "\(packages)/channels/generic/websocket.py")
private let receive = python("Chat.receive", "/srv/chat.py", definition: 60)
private let view = python("index", "/srv/views.py", definition: 3)
private let hop = python("_call_set_state", "/usr/lib/python3.13/asyncio/futures.py")

private func stack(_ frames: [Frame], _ count: Int) -> StackSample {
    StackSample(
        time: at(1), pid: 1, tid: 1, thread: "python", activity: .running,
        stack: StackTrace([runner, handle] + frames),
        count: count, weight: .milliseconds(Int64(count)))
}

private func spinning(_ consumer: String, _ id: UInt64, progress: UInt64) -> ConsumerInstance {
    ConsumerInstance(
        id: id, consumer: consumer, socket: .closed, lastMessage: "websocket.disconnect",
        lastMessageIsFirstDisconnect: false, dispatching: false, progress: progress)
}

@Suite("What spinning consumers take")
struct SpinTests {
    private let overrides = [CodeLocation(function: "Chat.dispatch", file: "/srv/chat.py", line: 41)]

    @Test("turns of their dispatch loops are theirs; what the loop does for everybody is shared in proportion")
    func share() throws {
        let stacks = [
            stack([loop, wait], 30), stack([loop, dispatch, disconnect], 30), stack([hop], 500), stack([view], 20),
        ]
        let share = try #require(SpinShare(in: stacks, pid: 1, overrides: overrides))
        #expect(share.percent == 75 && share.samples == 80)
        #expect(SpinShare(in: stacks, pid: 2, overrides: overrides) == nil)
    }

    @Test("a healthy consumer that handles a message is not theirs, though the same loop dispatches it")
    func healthy() throws {
        let share = try #require(
            SpinShare(
                in: [stack([loop, dispatch, receive], 9), stack([loop, wait], 1)], pid: 1, overrides: overrides))
        #expect(share.percent == 10)
    }

    @Test("where several classes spin, each has what was counted on some of its instances")
    func rates() throws {
        let (fast, slow) = ("app.Fast", "app.Slow")
        var counts = [fast, slow].map { ConsumerCount(consumer: $0, sockets: [.closed: 3], tasks: 6) }
        counts[0].dispatches = DispatchCount(count: 160, span: .milliseconds(25), instances: 2)
        counts[1].dispatches = DispatchCount(count: 30, span: .milliseconds(25), instances: 3)
        let censuses = [0, 500].map { time in
            Observation.connections(
                ConnectionCensus(
                    time: at(Int64(time)), pid: 1, grade: .read, consumers: counts,
                    instances: (1...6).map { spinning($0 > 3 ? slow : fast, $0, progress: $0 + UInt64(time)) }))
        }
        let ledger = try Evidence(ObservationLog(censuses)).ledger
        #expect(ledger[fast]?.dispatchesPerSecond == 9600 && ledger[fast]?.dispatchSamples == 160)
        #expect(ledger[slow]?.dispatchesPerSecond == 1200 && ledger[slow]?.dispatchesGrade == .sampled)
    }

    @Test(
        "one that spins alone has all tasks that were made, and that is no estimate; what was not counted has no rate")
    func alone() throws {
        func ledger(_ count: DispatchCount?) throws -> Ledger {
            var counts = [ConsumerCount(consumer: "A", sockets: [.closed: 1], tasks: 2)]
            counts[0].dispatches = count
            let censuses = [0, 1000].map { time in
                Observation.connections(
                    ConnectionCensus(
                        time: at(time), pid: 1, grade: .read, consumers: counts,
                        instances: [spinning("A", 1, progress: UInt64(time))]))
            }
            return try Evidence(ObservationLog(censuses)).ledger
        }
        let counted = try ledger(DispatchCount(count: 90, span: .milliseconds(10), instances: 1))["A"]
        #expect(counted?.dispatchesPerSecond == 9000 && counted?.dispatchesGrade == .read)
        #expect(try ledger(nil)["A"]?.dispatchesPerSecond == nil)
    }
}
