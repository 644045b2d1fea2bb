import TargetMemory
import Testing

@testable import CPythonLayouts

/// States that last some nanoseconds, or milliseconds when the target loses its processor in them.
@Suite("A chain of coroutines that is about to go on")
struct MovingChainTests {
    private struct Opened {
        var image: MemoryImage
        let layout: PythonLayout
        let coroutine: RemoteAddress
        let links: [RemoteAddress]
        let outermost: PythonFrame

        /// An image, and the task in it with the longest chain, all of whose links wait.
        init(_ minor: Int) throws {
            let image = try ImageTests.image(minor)
            layout = try .table(for: PythonVersion(hex: UInt32(truncatingIfNeeded: image.names["version"] ?? 0)))
            let reader = ObjectReader(image, layout: layout)
            let chains = try image.names.filter { $0.key.hasPrefix("task ") }.compactMap { _, address in
                try reader.task(address).map { ($0.coroutine, try reader.chain(of: $0.coroutine, CodeTable())) }
            }
            let (coroutine, chain) = try #require(
                chains.filter { $0.1.isWhole && !$0.1.isExecuting }.max { $0.1.links.count < $1.1.links.count })
            try #require(chain.links.count > 1)
            (self.image, self.coroutine) = (image, coroutine)
            (links, outermost) = (chain.links.map(\.object), chain.links[0].frame)
        }

        mutating func store(_ word: UInt64, at address: RemoteAddress) {
            image.store(withUnsafeBytes(of: word.littleEndian) { Array($0) }, at: address)
        }

        /// An object whose type is called NoneType.
        mutating func makeNone() throws -> RemoteAddress {
            let (object, type, name): (RemoteAddress, RemoteAddress, RemoteAddress) = (0x10_0000, 0x11_0000, 0x12_0000)
            let reader = ObjectReader(image, layout: layout)
            let model = try #require(try reader.type(of: coroutine)).address
            image.store(try image.bytes(at: model, count: 256, limit: 256), at: type)
            image.store(Array("NoneType\0".utf8) + [UInt8](repeating: 0, count: 64), at: name)
            store(name, at: type &+ UInt64(layout.type.name))
            store(1, at: object)
            store(type, at: object &+ 8)
            return object
        }

        func chain() throws -> CoroutineChain {
            try ObjectReader(image, layout: layout).chain(of: coroutine, CodeTable())
        }
    }

    @Test("is seen to its end although it was just given the None that it goes on with", arguments: ImageTests.minors)
    func resumed(minor: Int) throws {
        var opened = try Opened(minor)
        let none = try opened.makeNone()
        let (reader, layout) = (ObjectReader(opened.image, layout: opened.layout), opened.layout)
        let (frame, top) = (opened.outermost.address, opened.outermost.address &+ UInt64(layout.frame.stackTop))
        switch minor {
        case 9, 14...:
            let end = try reader.word(top)
            opened.store(none, at: end)
            opened.store(end &+ 8, at: top)
        default:
            let depth = UInt64(try reader.int32(top))
            let stack =
                try layout.frame.valueStack.map { try reader.word(frame, $0) }
                ?? frame &+ UInt64(layout.frame.locals)
            opened.store(none, at: stack &+ 8 * depth)
            // The four bytes behind the depth are kept.
            opened.store(try reader.word(top) &+ 1, at: top)
        }
        let chain = try opened.chain()
        #expect(chain.links.map(\.object) == opened.links)
        #expect(!chain.isWhole)
    }

    @Test("is seen to its end although its frame neither runs nor has a stack pointer: 3.9 between the two")
    func between() throws {
        var opened = try Opened(9)
        opened.store(0, at: opened.outermost.address &+ UInt64(opened.layout.frame.stackTop))
        let chain = try opened.chain()
        #expect(chain.links.map(\.object) == opened.links)
        #expect(chain.isExecuting && !chain.isWhole)
    }
}
