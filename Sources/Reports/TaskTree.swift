import Analysis
import Observations

/// The tasks of a census as a tree: each group's chain of coroutines, and under it the tasks that it waits for.
struct TaskTree {
    private let census: TaskCensus
    private let style: TextStyle
    /// How many of each group somebody waits for.
    private let awaited: [Int: Int]

    init(_ census: TaskCensus, style: TextStyle) {
        self.census = census
        self.style = style
        awaited = census.groups.flatMap { $0.awaits ?? [] }.reduce(into: [:]) { $0[$1.group, default: 0] += $1.count }
    }

    /// A paragraph for each group with tasks that nobody waits for, the largest first; then what waits in a circle.
    var paragraphs: [[String]] {
        var shown: Set<Int> = []
        var paragraphs: [[String]] = []
        let places = census.groups.indices.sorted { left, right in
            let (a, b) = (census.groups[left], census.groups[right])
            // Those that nobody waits for at all come first: others are told under them.
            let (isFree, isOtherFree) = (awaited[left] == nil, awaited[right] == nil)
            if isFree != isOtherFree { return isFree }
            return (a.count, b.name, b.example ?? "") > (b.count, a.name, a.example ?? "")
        }
        for place in places {
            let free = census.groups[place].count - (awaited[place] ?? 0)
            if free > 0 { paragraphs.append(lines(of: place, count: free, depth: 0, path: [], &shown)) }
        }
        for place in places where !shown.contains(place) {
            paragraphs.append(lines(of: place, count: census.groups[place].count, depth: 0, path: [], &shown))
        }
        return paragraphs
    }

    /// Waiting further inside than this is not shown.
    private static let depthLimit = 16

    private func lines(
        of place: Int, count: Int, example: String? = nil, depth: Int, path: [Int], _ shown: inout Set<Int>
    ) -> [String] {
        let group = census.groups[place]
        let margin = String(repeating: "    ", count: depth)
        let known = (group.example ?? group.name).plain(limit: 64)
        let name = example.map { $0.plain(limit: 64) } ?? known
        let alike = count > 1 ? style.dim("  and \((count - 1).spaced) alike") : ""
        let owner = group.consumer.map { "  \($0.plain(limit: 64))" } ?? ""
        let mark = depth > 0 ? "\(margin.dropLast(2))\(style.dim("awaits")) " : ""
        let title = mark + style.bold(name) + alike + owner + style.dim("  \(group.state.rawValue)")
        if path.contains(place) { return [title + style.dim("  as above: they wait for each other")] }
        if depth >= Self.depthLimit { return [title + style.dim("  and so on")] }
        // Whatever is waited for by many is told once.
        guard shown.insert(place).inserted else {
            return [title + style.dim(name == known ? "  told above" : "  like \(known), told above")]
        }
        var lines = [title]
        for (inner, frame) in group.stack.frames.enumerated() {
            lines.append(margin + String(repeating: "  ", count: min(inner, 20) + 1) + Place.text(frame))
        }
        if let waits = group.waitsFor {
            let inner = String(repeating: "  ", count: min(group.stack.frames.count, 20) + 1)
            lines.append(margin + inner + style.dim("waits for \(waits.plain(limit: 64))"))
        }
        for inner in group.awaits ?? [] where census.groups.indices.contains(inner.group) {
            lines += self.lines(
                of: inner.group, count: inner.count, example: inner.example, depth: depth + 1, path: path + [place],
                &shown)
        }
        return lines
    }
}
