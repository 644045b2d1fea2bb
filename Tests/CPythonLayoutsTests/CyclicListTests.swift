import TargetMemory
import Testing

@testable import CPythonLayouts

@Suite("Lists that lead back into themselves", .timeLimit(.minutes(1)))
struct CyclicListTests {
    private static func bytes(_ word: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }

    private static func open(_ minor: Int) throws -> (MemoryImage, PythonLayout, runtime: UInt64) {
        let image = try ImageTests.image(minor)
        let version = PythonVersion(hex: UInt32(truncatingIfNeeded: image.names["version"] ?? 0))
        return (image, try .table(for: version), image.names["runtime"] ?? 0)
    }

    @Test("threads and interpreters", arguments: ImageTests.minors)
    func threads(minor: Int) throws {
        var (image, layout, runtime) = try Self.open(minor)
        let reader = ObjectReader(image, layout: layout)
        let main = try #require(try reader.interpreters(runtime: runtime).last)
        let thread = try #require(try reader.threads(interpreter: main).last)
        image.store(Self.bytes(main), at: main &+ UInt64(layout.interpreter.next))
        image.store(Self.bytes(thread.state), at: thread.state &+ UInt64(layout.thread.next))
        let hostile = ObjectReader(image, layout: layout)
        #expect(try hostile.interpreters(runtime: runtime).count == 1)
        #expect(try hostile.threads(interpreter: main).count == 1)
    }

    @Test("frames", arguments: ImageTests.minors)
    func frames(minor: Int) throws {
        var (image, layout, runtime) = try Self.open(minor)
        let reader = ObjectReader(image, layout: layout)
        let main = try #require(try reader.interpreters(runtime: runtime).last)
        let thread = try #require(try reader.threads(interpreter: main).last)
        let frame = try reader.currentFrame(ofThread: thread.state)
        image.store(Self.bytes(frame), at: frame &+ UInt64(layout.frame.previous))
        #expect(try ObjectReader(image, layout: layout).stack(ofThread: thread.state, CodeTable()).count <= 1)
    }

    @Test("bases and method resolution order", arguments: ImageTests.minors)
    func types(minor: Int) throws {
        var (image, layout, _) = try Self.open(minor)
        let reader = ObjectReader(image, layout: layout)
        let task = try #require(image.names.first { $0.key.hasPrefix("task ") }?.value)
        let type = try #require(try reader.type(of: task))
        image.store(Self.bytes(type.address), at: type.address &+ UInt64(layout.type.base))
        let hostile = ObjectReader(image, layout: layout)
        let again = try #require(try hostile.type(of: task))
        #expect(try hostile.isSubtype(again, of: "no such type") == false)
        #expect((try? hostile.mro(again).count) ?? 0 <= 256)
    }

    @Test("a coroutine that waits for itself", arguments: ImageTests.minors)
    func coroutines(minor: Int) throws {
        var (image, layout, _) = try Self.open(minor)
        let reader = ObjectReader(image, layout: layout)
        let address = try #require(image.names.first { $0.key.hasPrefix("task ") }?.value)
        let task = try #require(try reader.task(address))
        let chain = try reader.chain(of: task.coroutine, CodeTable())
        let link = try #require(chain.links.first)
        // Whatever it waits for is somewhere on its stack: every slot leads back to it.
        for slot in 0..<32 {
            image.store(Self.bytes(link.object), at: link.frame.address &+ UInt64(layout.frame.locals + 8 * slot))
        }
        let hostile = ObjectReader(image, layout: layout)
        #expect(((try? hostile.chain(of: task.coroutine, CodeTable()))?.links.count ?? 0) <= 2)
    }

    @Test("the collector's lists", arguments: ImageTests.minors)
    func collector(minor: Int) throws {
        // A head, three objects, and the last leads back to the first.
        var image = MemoryImage()
        let (head, nodes) = (UInt64(0x1000), [UInt64(0x2000), 0x2100, 0x2200])
        let ring = [head] + nodes
        for (index, node) in ring.enumerated() {
            let next = index + 1 < ring.count ? ring[index + 1] : nodes[0]
            let previous = index > 0 ? ring[index - 1] : nodes[2]
            image.store(Self.bytes(next) + Self.bytes(previous) + Self.bytes(1) + Self.bytes(0x3000), at: node)
        }
        var walk = LinkWalk(from: head, live: image, TypeTally())
        #expect(try walk.run(image, otherHeads: []) == false)
        // Put right, it is walked to its end.
        image.store(Self.bytes(head), at: nodes[2])
        walk = LinkWalk(from: head, live: image, TypeTally())
        #expect(try walk.run(image, otherHeads: []))
        #expect(walk.tally.counts == [0x3000: 3])
        // A snapshot that is behind: its second object was freed and its memory zeroed.
        var live = image
        live.store(Self.bytes(nodes[2]), at: nodes[0])
        live.store(Self.bytes(nodes[0]), at: nodes[2] + 8)
        var behind = image
        behind.store([UInt8](repeating: 0, count: 32), at: nodes[1])
        walk = LinkWalk(from: head, live: live, TypeTally())
        #expect(try walk.run(behind, otherHeads: []))
        #expect(walk.tally.counts == [0x3000: 2])
        // Joined to another generation's list.
        walk = LinkWalk(from: head, live: image, TypeTally())
        #expect(try walk.run(image, otherHeads: [nodes[1]]) == false)
    }
}
