import Analysis
public import Observations

/// One census of tasks for a terminal: a row per group of alike tasks, or the chain of coroutines of each.
public struct TasksText {
    let tasks: [TaskCensus]
    let connections: [ConnectionCensus]
    let style: TextStyle

    /// The last census of each process.
    public init(tasks: [TaskCensus], connections: [ConnectionCensus], style: TextStyle = TextStyle(colours: false)) {
        self.tasks = tasks
        self.connections = connections
        self.style = style
    }

    /// A table by consumer class, then one by coroutine; with `tree` the chains instead of the second.
    public func text(tree: Bool = false) -> String {
        var sections = [title, classes]
        sections.append(contentsOf: tree ? tasks.flatMap { TaskTree($0, style: style).paragraphs } : [groups])
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
    }

    private var rows: [(pid: Int32, group: TaskGroup)] {
        tasks.flatMap { census in census.groups.map { (census.pid, $0) } }
            .sorted {
                ($0.group.count, $1.group.name, $1.group.example ?? "") > (
                    $1.group.count, $0.group.name, $0.group.example ?? ""
                )
            }
    }

    private var title: [String] {
        let total = tasks.reduce(0) { $0 + $1.total }
        let place = tasks.count == 1 ? "process \(tasks[0].pid)" : "\(tasks.count) processes"
        return [style.bold(total.counted("task")) + " in \(place)"]
    }

    private var classes: [String] {
        var table = TextTable(columns: [
            ("consumer", .left), ("alive", .right), ("open", .right), ("handshake", .right), ("closing", .right),
            ("closed", .right), ("tasks", .right), ("overrides", .left),
        ])
        let counts = Dictionary(grouping: connections.flatMap(\.consumers), by: \.consumer)
        for (consumer, parts) in counts.sorted(by: { $0.key < $1.key }) {
            let sockets = parts.reduce(into: [SocketState: Int]()) { $0.merge($1.sockets, uniquingKeysWith: +) }
            let count = { (state: SocketState) in (sockets[state] ?? 0).spaced }
            table.rows.append([
                consumer.plain(limit: 64), sockets.values.reduce(0, +).spaced, count(.open), count(.handshake),
                count(.closing), count(.closed), parts.reduce(0) { $0 + $1.tasks }.spaced,
                parts.compactMap(\.override).first.map(Place.text) ?? "-",
            ])
        }
        return table.lines(style)
    }

    private var groups: [String] {
        var table = TextTable(columns: [
            ("tasks", .right), ("state", .left), ("consumer", .left), ("coroutine", .left), ("waits for", .left),
            ("for example", .left),
        ])
        for (_, group) in rows {
            table.rows.append([
                group.count.spaced, group.state.rawValue, group.consumer.map { $0.plain(limit: 48) } ?? "-",
                group.name.plain(limit: 64), group.waitsFor.map { $0.plain(limit: 48) } ?? "-",
                group.example.map { $0.plain(limit: 32) } ?? "-",
            ])
        }
        return table.lines(style)
    }
}
