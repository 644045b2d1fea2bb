import AgentRing
import Observations
import Testing

@Suite("A census of the agent's memory")
struct RingCensusTests {
    private func memory(_ rows: [[UInt64]]) -> Memory {
        var memory = Memory()
        for (index, text) in ["chat.Chat", "/ws/", "websocket.disconnect", "chat.message"].enumerated() {
            memory.name(index + 1, text)
        }
        for (index, row) in rows.enumerated() { memory.instance(index, row) }
        return memory
    }

    /// number, address, class and path, state (bit 8: served), opened, closed, progress, -, disconnects, tasks, groups, last
    private static let path: UInt64 = 2 << 32
    private let open: [UInt64] = [1, 100, 1 | path, 0x101, 5, 0, 6, 0, 0, 3, 1, 4]
    private let stuck: [UInt64] = [2, 200, 1 | path, 0x103, 5, 9, 14, 0, 3, 2, 0, 4]
    private let leaving: [UInt64] = [3, 300, 1 | path, 0x103, 5, 9, 13, 0, 1, 2, 0, 3]
    private let orphan: [UInt64] = [4, 400, 1 | path, 0x003, 5, 9, 14, 0, 1, 1, 0, 3]
    private let nobody: [UInt64] = [5, 0, path, 0, 5, 0, 0, 0, 0, 0, 0, 0]

    @Test("counts who is served by the state of the socket, and lists who is not simply open")
    func counts() throws {
        var fold = try #require(RingFold(memory([open, stuck, leaving, orphan, nobody])))
        let (census, tasks) = fold.census(at: Moment(nanoseconds: 100))
        #expect(census.grade == .exact && census.consumers.map(\.consumer) == ["chat.Chat"])
        #expect(census.consumers[0].sockets == [.open: 1, .closed: 2] && census.consumers[0].groups == 1)
        #expect(
            census.instances.map(\.id) == [200, 300, 400] && census.instances.map(\.isServed) == [true, true, false])
        #expect(tasks.total == 8)
    }

    @Test("says of one that was told its disconnect that it was, whatever a layer has sent it since")
    func disconnect() throws {
        var fold = try #require(RingFold(memory([stuck, leaving])))
        let (census, _) = fold.census(at: Moment(nanoseconds: 100))
        #expect(census.instances.map(\.lastMessage) == ["websocket.disconnect", "websocket.disconnect"])
        #expect(census.instances.map(\.dispatching) == [false, true] && census.instances.map(\.disconnects) == [3, 1])
        #expect(census.instances[0].closedAt == Moment(nanoseconds: 9) && census.instances[0].path == "/ws/")
    }

    @Test("is completed by what was read of the same instances, and keeps its own counts")
    func completed() throws {
        var fold = try #require(RingFold(memory([stuck, orphan])))
        let (census, _) = fold.census(at: Moment(nanoseconds: 100))
        let frame = Frame(kind: .python, function: "Chat.disconnect", file: "/srv/chat.py", line: 5)
        let read = ConnectionCensus(
            time: Moment(nanoseconds: 90), pid: 7, grade: .read,
            consumers: [
                ConsumerCount(
                    consumer: "chat.Chat", override: CodeLocation(function: "Chat.dispatch"), sockets: [.closed: 9],
                    tasks: 40)
            ],
            instances: [
                ConsumerInstance(id: 200, consumer: "chat.Chat", socket: .open, waitingIn: frame, wait: .event),
                ConsumerInstance(id: 900, consumer: "chat.Other", socket: .closed, tasks: 1, isServed: false),
                ConsumerInstance(id: 901, consumer: "chat.Other", socket: .closed, tasks: 1),
            ], server: ServerState(package: "uvicorn"))
        let whole = census.completed(by: read)
        #expect(whole.grade == .exact && whole.server?.package == "uvicorn")
        #expect(whole.consumers[0].sockets == [.closed: 1] && whole.consumers[0].override?.function == "Chat.dispatch")
        #expect(whole.instances.map(\.id) == [200, 400, 900] && whole.instances[0].socket == .closed)
        #expect(whole.instances[0].waitingIn == frame && whole.instances[0].wait == .event)
    }
}
