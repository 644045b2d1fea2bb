public import Observations

/// Stacks put together by what they have in common: the shape of a flame graph.
///
/// Flat and in preorder, so that the deepest stack of a hostile target is no recursion here. Frames of one function
/// are one node whatever line they stand on.
public struct FlameTree: Hashable, Sendable {
    /// Frames of a stack beyond this depth are left out; their time stays with the last one kept.
    public static let depthLimit = 512

    /// One box of the graph.
    public struct Node: Hashable, Sendable {
        /// The frame; its line is that of the first stack seen.
        public var frame: Frame
        /// Index of the box it stands on; `nil` for the root.
        public var parent: Int?
        /// Boxes below it.
        public var depth: Int
        /// Time with this box on top.
        public var own: Nanoseconds
        /// Time of this box and all that stand on it.
        public var total: Nanoseconds
        /// Samples, or dispatches, of this box and all that stand on it.
        public var count: Int
        /// Where it begins: the time of all that stands left of it.
        public var start: Nanoseconds
    }

    /// The boxes: the root, then every box directly before those that stand on it, siblings by name.
    public let nodes: [Node]
    /// For each sample the box it ends in.
    public let leaves: [Int]

    /// How stacks are told apart before they are put together.
    public enum View: String, Sendable, CaseIterable {
        /// Not at all.
        case all
        /// A first box for each thread or loop.
        case thread
        /// A first box for each consumer class.
        case consumer
        /// A first box for each task.
        case task
    }

    /// The tree of these samples. With a view other than `all`, samples that have no such owner stand under `(none)`.
    public init(_ samples: [StackSample], view: View = .all, root: String = "all") {
        var builder = Builder(root: root)
        let ends = samples.map { sample in
            let owner = view.owner(of: sample).map { [Frame(kind: .logical, function: $0)] } ?? []
            return builder.add(owner + sample.stack.frames.prefix(Self.depthLimit), sample.weight, sample.count)
        }
        (nodes, leaves) = builder.preorder(ends)
    }

    /// All its time.
    public var total: Nanoseconds { nodes.first?.total ?? .zero }
    /// The number of boxes on top of each other, the root included.
    public var height: Int { (nodes.lazy.map(\.depth).max() ?? 0) + 1 }
}

extension FlameTree.View {
    fileprivate func owner(of sample: StackSample) -> String? {
        switch self {
        case .all: nil
        case .thread: sample.beginsWithThread ? nil : sample.thread
        case .consumer: sample.consumer ?? "(none)"
        case .task: sample.task ?? "(none)"
        }
    }
}

/// Grows the tree in the order of the samples, then puts it in order.
private struct Builder {
    private struct Key: Hashable {
        let parent: Int
        let kind: Frame.Kind
        let function: String
        let file: String?
    }

    private var nodes: [FlameTree.Node]
    private var children: [[Int]] = [[]]
    private var places: [Key: Int] = [:]

    init(root: String) {
        nodes = [Self.node(Frame(kind: .logical, function: root), parent: nil, depth: 0)]
    }

    private static func node(_ frame: Frame, parent: Int?, depth: Int) -> FlameTree.Node {
        FlameTree.Node(
            frame: frame, parent: parent, depth: depth, own: .zero, total: .zero, count: 0, start: .zero)
    }

    mutating func add(_ frames: some Sequence<Frame>, _ weight: Nanoseconds, _ count: Int) -> Int {
        var place = 0
        credit(place, weight, count)
        for frame in frames {
            let key = Key(parent: place, kind: frame.kind, function: frame.function, file: frame.file)
            if let known = places[key] {
                place = known
            } else {
                places[key] = nodes.count
                children[place].append(nodes.count)
                nodes.append(Self.node(frame, parent: place, depth: nodes[place].depth + 1))
                children.append([])
                place = nodes.count - 1
            }
            credit(place, weight, count)
        }
        nodes[place].own = nodes[place].own + weight
        return place
    }

    private mutating func credit(_ place: Int, _ weight: Nanoseconds, _ count: Int) {
        nodes[place].total = nodes[place].total + weight
        nodes[place].count &+= count
    }

    func preorder(_ ends: [Int]) -> (nodes: [FlameTree.Node], leaves: [Int]) {
        var sorted: [FlameTree.Node] = []
        var new = [Int](repeating: 0, count: nodes.count)
        var offsets = [Nanoseconds](repeating: .zero, count: nodes.count)
        var waiting = [0]
        while let place = waiting.popLast() {
            var node = nodes[place]
            node.start = offsets[place]
            node.parent = node.parent.map { new[$0] }
            new[place] = sorted.count
            sorted.append(node)
            let ordered = children[place].sorted { name($0) < name($1) }
            var offset = node.start
            for child in ordered {
                offsets[child] = offset
                offset = offset + nodes[child].total
            }
            waiting += ordered.reversed()
        }
        return (sorted, ends.map { new[$0] })
    }

    private func name(_ place: Int) -> (String, String, String) {
        let frame = nodes[place].frame
        return (frame.function, frame.file ?? "", frame.kind.rawValue)
    }
}
