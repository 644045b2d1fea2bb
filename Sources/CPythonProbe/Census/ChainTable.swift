import CPythonLayouts
import Observations
import TargetMemory

/// Chains of coroutines seen so far, each once and as text: most tasks are like many others.
///
/// Chains are alike when their links have the same code at the same place. One thread.
final class ChainTable {
    private struct Likeness: Hashable { var words: [UInt64] }

    /// Most chains that are kept from one census to the next.
    private static let limit = 1 << 14

    private var numbers: [Likeness: Int] = [:]
    private(set) var stacks: [StackTrace] = []
    private var codes: Set<RemoteAddress> = []
    private let sources: TargetSources

    init(_ sources: TargetSources) { self.sources = sources }

    /// The number of a chain.
    func number(of chain: CoroutineChain, _ reader: ObjectReader) throws(RemoteReadError) -> Int {
        var words: [UInt64] = []
        words.reserveCapacity(2 * chain.links.count)
        for link in chain.links {
            words.append(link.frame.code.address)
            words.append(UInt64(link.frame.unit))
        }
        let likeness = Likeness(words: words)
        if let known = numbers[likeness] { return known }
        var frames: [Frame] = []
        for link in chain.links { frames.append(try frame(link, reader)) }
        codes.formUnion(chain.links.map(\.frame.code.address))
        numbers[likeness] = stacks.count
        stacks.append(StackTrace(frames))
        return stacks.count - 1
    }

    /// A link as a frame of a report.
    func frame(_ link: CoroutineChain.Link, _ reader: ObjectReader) throws(RemoteReadError) -> Frame {
        Frame(
            kind: .python, function: try reader.qualifiedName(link), file: link.frame.code.fileName,
            line: link.frame.line, definition: sources.definitionLine(of: link.frame.code))
    }

    /// Whether all code objects are still what they were, and there is room for more chains.
    func isStillTrue(_ table: CodeTable, _ reader: ObjectReader) -> Bool {
        stacks.count < Self.limit && codes.allSatisfy { (try? table.isUnchanged($0, reader)) == true }
    }

    /// Forgets all chains; their numbers are void.
    func removeAll() {
        numbers.removeAll()
        stacks.removeAll()
        codes.removeAll()
    }
}
