import Analysis
import Foundation
import FoundationXML
import Observations
import Testing

@testable import Reports

@Suite("Flame graphs and folded stacks")
struct FlameTests {
    static let hostile = [
        "a;b", "a\nb 7", "back\\slash", "\\x{3B}", "\u{1B}[2J", "<script>alert(1)</script>", "]]>", "\"'&", "", " ",
        "Zürich 東京",
    ]

    private func sample(_ names: [String], thread: String = "t", weight: Int64 = 5) -> StackSample {
        StackSample(
            time: at(0), pid: 1, tid: 1, thread: thread, activity: .running,
            stack: StackTrace(names.map { Frame(kind: .python, function: $0) }), count: Int(weight),
            weight: .microseconds(weight))
    }

    @Test("folded stacks come back as they were, whatever the names", arguments: hostile)
    func folded(name: String) {
        let text = FoldedStacks.text([sample([name, "f", name], thread: name)])
        #expect(FoldedStacks.parse(text) == [FoldedStacks.Line(names: [name, name, "f", name], value: 5)])
        #expect(text.filter { $0 == "\n" }.count == 1)
        #expect(!text.unicodeScalars.contains("\u{1B}"))
    }

    @Test("folded stacks are as in the golden file, idle ones left out")
    func foldedGolden() throws {
        try expectGolden(FoldedStacks.text(Sample.stacks), "stacks.folded")
    }

    @Test("lines of other tools are read, others left out")
    func foreign() {
        let lines = FoldedStacks.parse("a;b 3\nno number\n\n;; 1\nx 99999999999999999999\n")
        #expect(lines.map(\.value) == [3, 1])
        #expect(lines[1].names == ["", "", ""])
    }

    @Test(
        "a box's time is its own and that of the boxes on it, which stand side by side",
        arguments: FlameTree.View.allCases)
    func sums(view: FlameTree.View) {
        let tree = FlameTree(Sample.stacks, view: view)
        #expect(tree.total == Sample.stacks.reduce(Nanoseconds.zero) { $0 + $1.weight })
        for (index, node) in tree.nodes.enumerated() {
            let children = tree.nodes.filter { $0.parent == index }
            #expect(node.total == children.reduce(node.own) { $0 + $1.total })
            var offset = node.start
            for child in children {
                #expect(child.start == offset && child.depth == node.depth + 1)
                offset = offset + child.total
            }
        }
        #expect(zip(Sample.stacks, tree.leaves).allSatisfy { $0.stack.leaf?.function == tree.nodes[$1].frame.function })
    }

    @Test("the order of the samples changes nothing")
    func permutation() {
        let one = FlameTree(Sample.stacks)
        let other = FlameTree(Sample.stacks.reversed())
        #expect(
            one.nodes.map { [$0.frame.function, "\($0.total)"] }
                == other.nodes.map { [$0.frame.function, "\($0.total)"] })
    }

    @Test("a stack of a hundred thousand frames is cut, not recursed into")
    func deep() {
        let tree = FlameTree([sample(Array(repeating: "f", count: 100_000))])
        #expect(tree.height == FlameTree.depthLimit + 1)
        #expect(tree.nodes.last?.own == .microseconds(5))
    }

    @Test("the SVG is as in the golden file")
    func svgGolden() throws {
        try expectGolden(FlameSVG(FlameTree(Sample.stacks.filter { $0.activity != .idle })).text, "flame.svg")
    }

    @Test("the SVG is well-formed and names stay text", arguments: hostile + [String(repeating: "x", count: 100_000)])
    func svgHostile(name: String) throws {
        let text = FlameSVG(FlameTree([sample([name, "f"], thread: name)], view: .thread), title: name).text
        let parser = XMLParser(data: Data(text.utf8))
        let counter = ElementCounter()
        parser.delegate = counter
        #expect(parser.parse(), "\(String(describing: parser.parserError))")
        #expect(counter.counts["script"] == 1)
        #expect(counter.counts["rect"] == 4)
    }

    @Test("an SVG of nothing is a picture")
    func empty() {
        let parser = XMLParser(data: Data(FlameSVG(FlameTree([])).text.utf8))
        #expect(parser.parse())
    }
}

private final class ElementCounter: NSObject, XMLParserDelegate {
    var counts: [String: Int] = [:]

    func parser(
        _ parser: XMLParser, didStartElement elementName: String, namespaceURI: String?, qualifiedName qName: String?,
        attributes attributeDict: [String: String] = [:]
    ) {
        counts[elementName, default: 0] += 1
    }
}
