import Analysis
import Observations
import Testing

private func python(_ function: String, _ file: String) -> Frame {
    Frame(kind: .python, function: function, file: file)
}

private let runner = python("BaseEventLoop._run_once", "/usr/lib/python3.13/asyncio/base_events.py")
private let script = python("<module>", "/srv/venv/bin/uvicorn")
private let serve = python("run_asgi", "/srv/venv/lib/python3.13/site-packages/uvicorn/protocols/websockets.py")
private let chat = python("ChatConsumer.receive", "/srv/app/chat.py")
private let encode = python("JSONEncoder.encode", "/usr/lib/python3.13/json/encoder.py")
private let transport = python("_SelectorSocketTransport._read_ready", "/usr/lib/python3.13/asyncio/selector_events.py")

private func sample(_ frames: [Frame], _ count: Int) -> Observation {
    .stack(
        StackSample(
            time: at(1000), pid: 1, tid: 1, thread: "uvicorn", activity: .running, stack: StackTrace(frames),
            count: count, weight: .milliseconds(Int64(10 * count))))
}

@Suite("Hottest application code")
struct HotSpotTests {
    private func spots(_ stacks: [Observation]) throws -> [String: HotSpot] {
        let start = Observation.start(
            SessionStart(
                time: at(0), wallClock: 0, kind: .cpython, description: "uvicorn", pid: 1, grade: .read, tool: "t"))
        let tasks = Observation.tasks(
            TaskCensus(
                time: at(500), pid: 1, grade: .read,
                groups: [
                    TaskGroup(
                        name: "run_asgi", consumer: "app.ChatConsumer", state: .running,
                        stack: StackTrace([serve, chat]))
                ]))
        let found = HotSpot.find(in: try Evidence(ObservationLog([start, tasks] + stacks)))
        return Dictionary(found.map { ($0.owner, $0) }, uniquingKeysWith: { first, _ in first })
    }

    @Test("library code is folded into the application's, for the loop, the consumer and the task")
    func folded() throws {
        let spots = try spots([sample([script, runner, serve, chat, encode], 60), sample([script, runner], 40)])
        #expect(spots["loop uvicorn"]?.frame == chat && spots["loop uvicorn"]?.percent == 60)
        #expect(spots["consumer app.ChatConsumer"]?.frame == chat)
        #expect(spots["task run_asgi"]?.percent == 100)
    }

    @Test("a turn without application code shows what it ran, and never the loop itself or the start script")
    func libraries() throws {
        let spots = try spots([sample([script, runner, transport], 10), sample([script, runner], 90)])
        #expect(spots.mapValues(\.frame.function) == ["loop uvicorn": transport.function])
    }
}
