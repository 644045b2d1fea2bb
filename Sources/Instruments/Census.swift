import Clocks
import Observations

/// One census of all loops.
struct Census {
    var observations: [Observation]

    /// Tasks that are told together.
    private struct TaskKey: Hashable, Comparable {
        var consumer: String
        var name: String
        var isRunning: Bool

        static func < (one: TaskKey, other: TaskKey) -> Bool {
            (one.consumer, one.name, one.isRunning ? 1 : 0) < (other.consumer, other.name, other.isRunning ? 1 : 0)
        }
    }

    /// How long a loop may take to answer: it is blocked then, and the watchdog tells more.
    private static let patience = Duration.seconds(1)

    static func take(of instrument: Instrument) async -> Census {
        let loops = instrument.loops
        let answers = await withTaskGroup(of: LoopCensus?.self) { group in
            for loop in loops { group.addTask { await answer(of: loop) } }
            return await group.reduce(into: [LoopCensus]()) { all, one in if let one { all.append(one) } }
        }
        return Census(
            answers.flatMap(\.instances), layers: instrument.layerCensus(), silent: loops.count - answers.count,
            pid: instrument.pid)
    }

    /// The loop's answer, or `nil` when it does not come in time. The question stays in the loop's queue.
    private static func answer(of loop: LoopInstrument) async -> LoopCensus? {
        let (answers, continuation) = AsyncStream.makeStream(of: LoopCensus?.self, bufferingPolicy: .bufferingOldest(1))
        let question = Task { continuation.yield(await loop.census()) }
        let timer = Task {
            try? await Task.sleep(for: patience)
            continuation.yield(nil)
        }
        defer {
            question.cancel()
            timer.cancel()
        }
        for await answer in answers { return answer }
        return nil
    }

    private init(_ rows: [LoopCensus.Row], layers: [LayerCensus], silent: Int, pid: Int32) {
        let now = Moment.now()
        var counts: [String: ConsumerCount] = [:]
        var tasks: [TaskKey: TaskGroup] = [:]
        for row in rows {
            let consumer = row.instance.consumer
            var count = counts[consumer] ?? ConsumerCount(consumer: consumer, sockets: [:], tasks: 0)
            count.sockets[row.instance.socket, default: 0] += 1
            count.tasks += row.instance.tasks
            count.groups = (count.groups ?? 0) + (row.instance.groups ?? 0)
            counts[consumer] = count
            for (name, count) in row.tasks { Self.add(count, name, row.instance, to: &tasks) }
        }
        let stuck = rows.map(\.instance).filter { $0.socket != .open }.prefix(ConnectionCensus.instanceLimit)
        observations = [
            .connections(
                ConnectionCensus(
                    time: now, pid: pid, grade: .exact, consumers: counts.values.sorted { $0.consumer < $1.consumer },
                    instances: Array(stuck), layers: layers)),
            .tasks(
                TaskCensus(
                    time: now, pid: pid, grade: .exact,
                    groups: tasks.sorted { $0.key < $1.key }.map(\.value))),
        ]
        if silent > 0 {
            let text = "\(silent) loops did not answer within a second and are not in this census"
            observations.append(.note(ProbeNote(time: now, pid: pid, text: text)))
        }
    }

    private static func add(
        _ count: Int, _ name: String, _ instance: ConsumerInstance, to tasks: inout [TaskKey: TaskGroup]
    ) {
        // The application's task runs while it dispatches and waits otherwise; the others always wait.
        let isRunning = name == "application" && instance.dispatching == true
        let key = TaskKey(consumer: instance.consumer, name: name, isRunning: isRunning)
        if (tasks[key]?.count += count) != nil { return }
        let waitsFor: String? =
            switch name {
            case "application": isRunning ? nil : "awaitManyDispatch"
            case "receive": "a message of the server"
            case "layer.receive": "a message of the layer"
            default: nil
            }
        tasks[key] = TaskGroup(
            name: name, consumer: instance.consumer, state: isRunning ? .running : .waiting, waitsFor: waitsFor,
            stack: StackTrace([instance.consumer, name].map { Frame(kind: .logical, function: $0) }), count: count)
    }
}
