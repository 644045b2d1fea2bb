import Analysis
import Observations

/// CPU over time against open connections, as a picture inside the page.
struct TimelineChart {
    private let points: [TimelinePoint]
    private let cost: ConnectionCost?
    private static let width = 1080.0
    private static let height = 190.0
    private static let left = 46.0
    private static let right = 46.0
    private static let top = 14.0
    private static let bottom = 26.0
    /// Most points drawn; of more, each drawn one is the greatest of those it stands for.
    private static let limit = 540

    init(_ timeline: [TimelinePoint]) {
        points = Self.thinned(timeline.filter { $0.seconds.isFinite })
        cost = ConnectionCost(timeline).flatMap { $0.isTelling ? $0 : nil }
    }

    var html: String {
        guard points.filter({ $0.cpuPercent != nil }).count > 3, let last = points.last?.seconds, last > 0 else {
            return ""
        }
        let topCPU = Self.ceiling(max(100, points.compactMap(\.cpuPercent).max() ?? 100))
        let open = points.compactMap(\.open).max() ?? 0
        let topOpen = Double(max(4, open))
        let cpu = points.compactMap { point in point.cpuPercent.map { (x(point.seconds, last), y($0, topCPU)) } }
        let connections = points.compactMap { point in
            point.open.map { (x(point.seconds, last), y(Double($0), topOpen)) }
        }
        let note = cost.map { "; an open connection goes with \($0.percentPerConnection.fixed(2)) % of a core" } ?? ""
        return """
            <section>
            <h2>Over time <small><i class="key cpu"></i>CPU, percent of one core\(connections.isEmpty ? "" : "  <i class=\"key open\"></i>open connections")\(note)</small></h2>
            <svg class="chart" viewBox="0 0 \(Self.width.fixed(0, plain: true)) \(Self.height.fixed(0, plain: true))" role="img" aria-label="CPU over time against open connections">
            \(grid(topCPU, topOpen, last, connections: !connections.isEmpty))
            <path class="area" d="\(area(cpu))"/><path class="line cpu" d="\(line(cpu))"/>
            \(connections.isEmpty ? "" : "<path class=\"line open\" d=\"\(steps(connections))\"/>")
            </svg>
            </section>
            """
    }

    private static func thinned(_ points: [TimelinePoint]) -> [TimelinePoint] {
        guard points.count > limit else { return points }
        return (0..<limit).compactMap { column in
            let slice = points[(column * points.count / limit)..<((column + 1) * points.count / limit)]
            guard var point = slice.last else { return nil }
            point.cpuPercent = slice.compactMap(\.cpuPercent).max()
            point.open = slice.compactMap(\.open).max()
            return point
        }
    }

    /// The next round number.
    private static func ceiling(_ value: Double) -> Double {
        guard value.isFinite, value < 1e9 else { return 1e9 }
        return (value / 50).rounded(.up) * 50
    }

    private func x(_ seconds: Double, _ last: Double) -> Double {
        Self.left + min(1, max(0, seconds / last)) * (Self.width - Self.left - Self.right)
    }

    private func y(_ value: Double, _ top: Double) -> Double {
        let share = value.isFinite ? min(1, max(0, value / top)) : 0
        return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
    }

    private func line(_ points: [(Double, Double)]) -> String {
        points.enumerated().map { "\($0.offset == 0 ? "M" : "L")\(at($0.element))" }.joined()
    }

    /// Connections come and go at once: a line with steps.
    private func steps(_ points: [(Double, Double)]) -> String {
        points.enumerated().map { index, point in
            index == 0 ? "M\(at(point))" : "H\(point.0.fixed(1, plain: true))V\(point.1.fixed(1, plain: true))"
        }.joined()
    }

    private func area(_ points: [(Double, Double)]) -> String {
        guard let first = points.first, let last = points.last else { return "" }
        let base = Self.height - Self.bottom
        return line(points) + "L\(at((last.0, base)))L\(at((first.0, base)))Z"
    }

    private func at(_ point: (Double, Double)) -> String {
        "\(point.0.fixed(1, plain: true)),\(point.1.fixed(1, plain: true))"
    }

    private func grid(_ topCPU: Double, _ topOpen: Double, _ last: Double, connections: Bool) -> String {
        var svg = ""
        for part in [0, 0.5, 1] {
            let height = y(part, 1)
            svg +=
                "<path class=\"grid\" d=\"M\(at((Self.left, height)))H\((Self.width - Self.right).fixed(1, plain: true))\"/>"
            svg += text(Self.left - 8, height + 4, "\((topCPU * part).fixed(0)) %", "end", "cpu")
            guard connections else { continue }
            svg += text(Self.width - Self.right + 8, height + 4, (topOpen * part).fixed(0), "start", "open")
        }
        for part in [0, 0.25, 0.5, 0.75, 1] {
            svg += text(
                x(last * part, last), Self.height - 8, "\((last * part).fixed(last < 20 ? 1 : 0)) s", "middle", "")
        }
        return svg
    }

    private func text(_ x: Double, _ y: Double, _ text: String, _ anchor: String, _ style: String) -> String {
        "<text class=\"\(style)\" x=\"\(x.fixed(1, plain: true))\" y=\"\(y.fixed(1, plain: true))\" text-anchor=\"\(anchor)\">\(text)</text>"
    }
}
