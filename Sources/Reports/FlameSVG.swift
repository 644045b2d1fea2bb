import Analysis
import Observations

/// A flame graph as one SVG file: whole without scripts, with search and zoom where they run.
///
/// Click a box to zoom, Ctrl-F or `/` to search by regular expression, Escape to reset; `#search=…` in the address
/// searches at once.
public struct FlameSVG {
    /// Boxes narrower than this many pixels are left out of the picture.
    public static let minimumWidth = 0.3

    private let tree: FlameTree
    private let title: String
    private static let width = 1200.0
    private static let margin = 10.0
    private static let row = 17.0
    private static let top = 44.0
    private static let bottom = 34.0
    private static let characterWidth = 6.9

    /// A picture of `tree`.
    public init(_ tree: FlameTree, title: String = "Flame graph") {
        self.tree = tree
        self.title = title
    }

    /// The file.
    public var text: String {
        let shown = tree.nodes.filter { width(of: $0) >= Self.minimumWidth || $0.parent == nil }
        let rows = (shown.map(\.depth).max() ?? 0) + 1
        let height = Self.top + Double(rows) * Self.row + Self.bottom
        let boxes = shown.map { box($0, base: height - Self.bottom) }.joined()
        return """
            <?xml version="1.0" encoding="UTF-8" standalone="no"?>
            <svg version="1.1" width="\(Self.width.fixed(0, plain: true))" height="\(height.fixed(0, plain: true))" \
            viewBox="0 0 \(Self.width.fixed(0, plain: true)) \(height.fixed(0, plain: true))" xmlns="http://www.w3.org/2000/svg">
            <style>
            svg { background: #fdfdfc; font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1d2430 }
            .f { cursor: pointer } .f rect { stroke: #fdfdfc; stroke-width: .6 } .f:hover rect { stroke: #1d2430; stroke-width: 1 }
            .f text { pointer-events: none; font-size: 11.5px } .found rect { fill: #d94fd5 !important } .past { opacity: .45 }
            #title { font: 600 16px system-ui, sans-serif } #details, #matched, #reset { font-size: 12px }
            #reset { cursor: pointer; text-decoration: underline }
            </style>
            <text id="title" x="\(Self.width / 2)" y="26" text-anchor="middle">\(title.markup())</text>
            <text id="reset" x="\(Self.margin)" y="26" visibility="hidden">Reset zoom</text>
            <text id="matched" x="\(Self.width - Self.margin)" y="26" text-anchor="end"></text>
            <text id="details" x="\(Self.margin)" y="\((height - 12).fixed(1, plain: true))"></text>
            <g id="frames">
            \(boxes)</g>
            <script><![CDATA[\(FlameSVGScript.text)]]></script>
            </svg>

            """
    }

    private var scale: Double {
        let total = tree.total.seconds
        return total > 0 ? (Self.width - 2 * Self.margin) / total : 0
    }

    private func width(of node: FlameTree.Node) -> Double { node.total.seconds * scale }

    private func box(_ node: FlameTree.Node, base: Double) -> String {
        let x = Self.margin + node.start.seconds * scale
        let y = base - Double(node.depth + 1) * Self.row
        let width = node.parent == nil ? Self.width - 2 * Self.margin : width(of: node)
        let name = node.frame.label.plain()
        let share = tree.total > .zero ? node.total.seconds / tree.total.seconds * 100 : 0
        let facts =
            "\(name) — \(share.fixed(2)) %, \(node.total.short), \(node.count.spaced) samples, own \(node.own.short)"
        let shown = Self.clipped(node.frame.function.plain(), to: width)
        return """
            <g class="f"><title>\(facts.markup(limit: 4096))</title>\
            <rect x="\(x.fixed(2, plain: true))" y="\(y.fixed(1, plain: true))" width="\(width.fixed(2, plain: true))" \
            height="\((Self.row - 1).fixed(0, plain: true))" rx="1.5" fill="\(FlameColour.css(node.frame))"/>\
            <text x="\((x + 3).fixed(2, plain: true))" y="\((y + 12).fixed(1, plain: true))">\(shown.markup())</text></g>

            """
    }

    /// As much of a name as fits, or nothing.
    static func clipped(_ name: String, to width: Double) -> String {
        let room = Int((width - 6) / characterWidth)
        guard room >= 3 else { return "" }
        return name.count <= room ? name : name.prefix(room - 1) + "…"
    }
}

extension Double {
    /// With `places` decimals and no space for thousands: for attributes.
    func fixed(_ places: Int, plain: Bool) -> String { fixed(places).split(separator: " ").joined() }
}
