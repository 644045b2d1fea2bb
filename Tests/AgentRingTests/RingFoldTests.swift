import AgentRing
import Observations
import Testing

@Suite("The agent's memory")
struct RingFoldTests {
    private let shared = Shared()

    @Test("becomes the steps of each connection, with class, path, code and outcome")
    func steps() throws {
        shared.memory.name(1, "chat.Chat")
        shared.memory.name(2, "/ws/")
        shared.memory.name(3, "ValueError")
        shared.memory.record(0, kind: 1, second: 2)
        shared.memory.record(1, kind: 4, first: 1, second: 2, value: 1001)
        shared.memory.record(2, kind: 6, detail: 3, first: 1, second: 2, third: 3)
        var fold = try #require(RingFold(shared))
        let seen = fold.advance(to: Moment(nanoseconds: 2000)).map { observation in
            if case .connection(let event) = observation { event } else { nil as ConnectionEvent? }
        }
        #expect(seen.map { $0?.step } == [.opened, .closed, .ended])
        #expect(seen.map { $0?.consumer } == [nil, "chat.Chat", "chat.Chat"] && seen[0]?.path == "/ws/")
        #expect(seen[1]?.code == 1001 && seen[2]?.outcome == .threw && seen[2]?.error == "ValueError")
        #expect(fold.advance(to: Moment(nanoseconds: 3000)).isEmpty)
    }

    @Test("gives counters as what they grew by, from the start on, and never a fall")
    func windows() throws {
        shared.memory.name(1, "chat.Chat")
        shared.memory.name(2, "websocket.disconnect")
        shared.memory.meter(0, consumer: 1, [3, 1, 2, 1, 70])
        shared.memory.meter(1, consumer: 1, message: 2, [70, 1, 0, 0, 69])
        var fold = try #require(RingFold(shared))
        let first = fold.advance(to: Moment(nanoseconds: 2000))
        guard case .consumer(let window) = first.first, case .dispatches(let dispatches) = first.last else {
            Issue.record("\(first)")
            return
        }
        #expect((window.start, window.length) == (Moment(nanoseconds: 1000), Nanoseconds(1000)))
        #expect((window.tasksStarted, window.tasksEnded, window.groupsJoined, window.groupsLeft) == (3, 1, 2, 1))
        #expect(window.disconnectsDelivered == 70 && dispatches.handler == "websocket_disconnect")
        #expect(dispatches.outcomes == [.returned: 70, .stopped: 1] && dispatches.afterDisconnect == 69)
        shared.memory.meter(1, consumer: 1, message: 2, [75, 0, 0, 0, 69])
        guard case .dispatches(let next) = fold.advance(to: Moment(nanoseconds: 3000)).first else {
            Issue.record("no window")
            return
        }
        #expect(next.outcomes == [.returned: 5])
    }

    @Test("counts exactly what was overwritten before it was read")
    func overwritten() throws {
        var fold = try #require(RingFold(shared))
        for index in 0..<20 { shared.memory.record(UInt64(index), kind: 1, connection: UInt64(index)) }
        let seen = fold.advance(to: Moment(nanoseconds: 2000))
        // Of eight places one is too near to being overwritten while it is read.
        #expect(fold.lost == 13 && seen.count { if case .connection = $0 { true } else { false } } == 7)
        #expect(seen.contains { if case .note = $0 { true } else { false } })
    }

    @Test("waits for a record that is half written, and takes it when it is whole")
    func halfWritten() throws {
        var fold = try #require(RingFold(shared))
        shared.memory.record(0, kind: 1, isHalfWritten: true)
        #expect(fold.advance(to: Moment(nanoseconds: 2000)).isEmpty)
        shared.memory.record(0, kind: 1)
        #expect(fold.advance(to: Moment(nanoseconds: 3000)).count == 1 && fold.lost == 0)
    }

    @Test("gives up a record that is never completed, and goes on with the next")
    func neverWhole() throws {
        var fold = try #require(RingFold(shared))
        shared.memory.record(0, kind: 1, isHalfWritten: true)
        shared.memory.record(1, kind: 1)
        var seen: [Observation] = []
        for look in 0..<30 { seen += fold.advance(to: Moment(nanoseconds: 2000 + Int64(look))) }
        #expect(fold.lost == 1 && seen.contains { if case .connection = $0 { true } else { false } })
    }

    @Test("names the line that swallowed a stop")
    func swallowed() throws {
        for (number, text) in ["chat.Chat", "Chat.dispatch", "/srv/chat.py"].enumerated() {
            shared.memory.name(number + 1, text)
        }
        shared.memory.record(0, kind: 8, first: 1, second: 2, value: 34 | 37 << 32, third: 3)
        var fold = try #require(RingFold(shared))
        guard case .swallowed(let stop) = fold.advance(to: Moment(nanoseconds: 2000)).first else {
            Issue.record("no stop")
            return
        }
        #expect(
            stop.location == CodeLocation(function: "Chat.dispatch", file: "/srv/chat.py", line: 34, handlerLine: 37))
    }

    @Test("is refused when it is none, too short, or of another version")
    func refused() {
        #expect(RingFold(Memory()) != nil)
        var other = Memory()
        other.set(1, 2)
        #expect(RingFold(other) == nil)
        var huge = Memory()
        huge.set(7, .max)
        #expect(RingFold(huge) == nil)
        var none = Memory()
        none.set(0, 0)
        #expect(RingFold(none) == nil)
    }

    @Test("joins a process with all it ever did, while its first record is still there")
    func joinsWhole() throws {
        for index in 0..<8 { shared.memory.record(UInt64(index), kind: 1, connection: UInt64(index)) }
        shared.memory.meter(0, consumer: 1, [3])
        var fold = try #require(RingFold(joining: shared, at: Moment(nanoseconds: 2000)))
        let seen = fold.advance(to: Moment(nanoseconds: 2100))
        #expect(seen.count { if case .connection = $0 { true } else { false } } == 7 && fold.lost == 1)
        #expect(seen.contains { if case .consumer(let window) = $0 { window.tasksStarted == 3 } else { false } })
    }

    @Test("joins a long-running process with those who are alive, loses nothing by it, and counts from there")
    func joinsLate() throws {
        for index in 0..<20 { shared.memory.record(UInt64(index), kind: 1, connection: UInt64(index)) }
        shared.memory.name(1, "chat.Chat")
        shared.memory.meter(0, consumer: 1, [3])
        let path: UInt64 = 0
        shared.memory.instance(0, [18, 100, 1 | path << 32, 0x103, 50, 60, 6])
        var fold = try #require(RingFold(joining: shared, at: Moment(nanoseconds: 2000)))
        fold.pid = 99
        let events = fold.advance(to: Moment(nanoseconds: 2100)).compactMap { observation in
            if case .connection(let event) = observation { event } else { nil as ConnectionEvent? }
        }
        #expect(events.map(\.step) == [.opened, .closed, .started] && Set(events.map(\.connection)) == [18])
        #expect(events.allSatisfy { $0.pid == 99 && $0.consumer == "chat.Chat" } && events[0].time.nanoseconds == 50)
        shared.memory.meter(0, consumer: 1, [5])
        let later = fold.advance(to: Moment(nanoseconds: 3000))
        guard case .consumer(let window) = later.first, later.count == 1 else {
            Issue.record("\(later)")
            return
        }
        #expect(window.tasksStarted == 2 && fold.lost == 0)
    }

    @Test("traps on nothing, whatever stands in it", arguments: [0x00, 0x7F, 0x80, 0xFF] as [UInt8])
    func hostile(byte: UInt8) {
        let shared = Shared()
        for begin in stride(from: 64, to: shared.memory.bytes.count, by: 97) {
            shared.memory = Memory()
            shared.memory.record(0, kind: 7, detail: 1)
            shared.memory.instance(0, [1, 2, 3, 4])
            shared.memory.meter(0, consumer: 1, [1])
            shared.memory.fill(begin..<min(begin + 97, shared.memory.bytes.count), with: byte)
            guard var fold = RingFold(shared) else { continue }
            for look in 0..<3 {
                _ = fold.advance(to: Moment(nanoseconds: Int64(look)))
                _ = fold.census(at: Moment(nanoseconds: Int64(look)))
            }
        }
    }
}
