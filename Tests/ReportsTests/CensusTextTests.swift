import Observations
import Testing

@testable import Reports

@Suite("Census and stacks as text")
struct CensusTextTests {
    private let chain = StackTrace([
        Frame(kind: .python, function: "ASGIHandler.__call__", file: "asgi.py", line: 9),
        Frame(kind: .python, function: "await_many_dispatch", file: "channels/utils.py", line: 45),
    ])

    private var tasks: [TaskCensus] {
        [
            TaskCensus(
                time: at(1), pid: 4711, grade: .read,
                groups: [
                    TaskGroup(
                        name: "run_asgi", consumer: "chat.ChatConsumer", state: .waiting, waitsFor: "Queue.get",
                        stack: chain,
                        count: 3, example: "Task-17"),
                    TaskGroup(name: "Server.serve", state: .waiting, count: 1, example: "Task-1"),
                ])
        ]
    }

    private let connections = [
        ConnectionCensus(
            time: at(1), pid: 4711, grade: .read,
            consumers: [
                ConsumerCount(
                    consumer: "chat.ChatConsumer",
                    override: CodeLocation(function: "ChatConsumer.dispatch", file: "chat.py", line: 41),
                    sockets: [.open: 1, .closed: 2], tasks: 3)
            ])
    ]

    @Test("the table of tasks is as in the golden file")
    func table() throws {
        try expectGolden(TasksText(tasks: tasks, connections: connections).text(), "tasks.txt")
    }

    @Test("the tree of tasks is as in the golden file")
    func tree() throws {
        try expectGolden(TasksText(tasks: tasks, connections: connections).text(tree: true), "tasks-tree.txt")
    }

    @Test("tasks are shown under those that wait for them, those of many once, and those of a circle once")
    func awaited() throws {
        func group(_ name: String, _ count: Int, _ awaits: [(Int, Int)]) -> TaskGroup {
            var group = TaskGroup(
                name: name, state: .waiting, stack: StackTrace([Frame(kind: .python, function: name, file: "a.py")]),
                count: count, example: "Task-\(name)")
            group.awaits = awaits.map { AwaitedTasks(group: $0.0, count: $0.1, example: "its-\($0.1)") }
            return group
        }
        let census = TaskCensus(
            time: at(1), pid: 1, grade: .read,
            groups: [
                group("main", 1, [(1, 2), (2, 1)]), group("worker", 3, [(2, 3)]), group("shared", 1, []),
                group("left", 1, [(4, 1)]), group("right", 1, [(3, 1)]),
            ])
        try expectGolden(TasksText(tasks: [census], connections: []).text(tree: true), "tasks-awaited.txt")
    }

    @Test("the dump of stacks is as in the golden file, busy threads first")
    func stacks() throws {
        let idle = StackSample(
            time: at(1), pid: 4711, tid: 4712, thread: "pool", activity: .idle, stack: StackTrace([]), count: 1,
            weight: .zero)
        let busy = StackSample(
            time: at(1), pid: 4711, tid: 4711, thread: "MainThread", activity: .running, holdsGIL: true, stack: chain,
            count: 1, weight: .zero)
        try expectGolden(StacksText([idle, busy]).text, "stacks.txt")
    }

    @Test("no escape of the target reaches the terminal")
    func hostile() {
        let evil = "\u{1B}]0;x\u{07}"
        let frame = Frame(kind: .python, function: evil, file: evil, line: 1)
        let group = TaskGroup(
            name: evil, consumer: evil, state: .waiting, waitsFor: evil, stack: StackTrace([frame]), example: evil)
        let census = TaskCensus(time: at(1), pid: 1, grade: .read, groups: [group])
        let sample = StackSample(
            time: at(1), pid: 1, tid: 1, thread: evil, activity: .running, stack: StackTrace([frame]), consumer: evil,
            task: evil, count: 1, weight: .zero)
        let texts = [
            TasksText(tasks: [census], connections: []).text(), StacksText([sample]).text,
            TasksText(tasks: [census], connections: []).text(tree: true),
        ]
        for text in texts {
            #expect(!text.unicodeScalars.contains("\u{1B}") && !text.unicodeScalars.contains("\u{07}"))
        }
    }
}
