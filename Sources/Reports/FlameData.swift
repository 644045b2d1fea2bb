import Analysis
import Observations

/// What the page's flame graph is drawn from: frames once, stacks as a tree, samples as rows of numbers.
///
/// `frames`: name, file, line, kind. `nodes`: the node it stands on and its frame, in preorder, the root left out of
/// neither (it is `[-1,-1]`). `samples`: node, thread, consumer, task, microseconds, count.
enum FlameData {
    static func json(_ stacks: [StackSample]) -> JSONValue {
        let tree = FlameTree(stacks)
        var frames = Table<Key>()
        var threads = Table<String>()
        var consumers = Table<String>()
        var tasks = Table<String>()
        var rows: [JSONValue] = []
        let nodes = tree.nodes.map { node -> JSONValue in
            guard let parent = node.parent else { return [-1, -1] }
            let isNew = frames.values.count
            let index = frames.index(of: Key(node.frame))
            if index == isNew { rows.append(row(node.frame)) }
            return .array([.int(parent), .int(index)])
        }
        let samples = zip(stacks, tree.leaves).map { sample, leaf -> JSONValue in
            .array([
                .int(leaf), .int(threads.index(of: sample.thread)),
                .int(sample.consumer.map { consumers.index(of: $0) } ?? -1),
                .int(sample.task.map { tasks.index(of: $0) } ?? -1), .int(Int(sample.weight.microseconds.rounded())),
                .int(sample.count),
            ])
        }
        return [
            "frames": .array(rows), "nodes": .array(nodes), "samples": .array(samples), "threads": threads.json,
            "consumers": consumers.json, "tasks": tasks.json,
        ]
    }

    private static func row(_ frame: Frame) -> JSONValue {
        let kind: JSONValue =
            switch frame.kind {
            case .logical: 0
            case .python: frame.isLibrary ? 2 : 1
            case .native: 3
            }
        return .array([
            .string(frame.function.plain()), JSONValue(frame.file?.plain()), JSONValue(frame.line), kind,
        ])
    }

    private struct Key: Hashable {
        let kind: Frame.Kind
        let function: String
        let file: String?

        init(_ frame: Frame) {
            kind = frame.kind
            function = frame.function
            file = frame.file
        }
    }

    /// Values in the order they were first seen.
    private struct Table<Value: Hashable> {
        private(set) var values: [Value] = []
        private var places: [Value: Int] = [:]

        mutating func index(of value: Value) -> Int {
            if let place = places[value] { return place }
            places[value] = values.count
            values.append(value)
            return values.count - 1
        }

        var json: JSONValue { .array(values.map { .string("\($0)".plain()) }) }
    }
}
