import CPythonLayouts
import Testing

@testable import CPythonProbe

@Suite("Stacks that are the one before")
struct RememberedWalkTests {
    /// A buffer with two readings of some frames, one after the other.
    private final class Buffer {
        let bytes: UnsafeMutableRawBufferPointer
        let frame: PythonLayout.FrameFields
        let count = 4

        init(_ layout: PythonLayout) {
            frame = layout.frameFields
            bytes = .allocate(byteCount: 2 * count * frame.size, alignment: 8)
            for place in bytes.indices { bytes[place] = UInt8(truncatingIfNeeded: place % (count * frame.size) * 7) }
        }

        deinit { bytes.deallocate() }

        /// Where the two readings of a frame begin.
        func places(_ index: Int) -> (Int, Int) { (index * frame.size, (count + index) * frame.size) }

        func walk() -> RememberedWalk {
            var walk = RememberedWalk(frame)
            for index in 0..<count { walk.note(bytes, places(index).0, places(index).1) }
            walk.end(from: 0x1000)
            return walk
        }

        /// The bytes of a frame that a walk looks at, in each reading: its marks are looked at in the first.
        func decisive(isFirst: Bool) -> Set<Int> {
            var all = Set(frame.previous..<frame.previous + 8).union(frame.code..<frame.code + 8)
            all.formUnion(frame.instruction..<frame.instruction + (frame.isInstructionWide ? 8 : 4))
            if isFirst { all.formUnion([frame.executing?.offset, frame.owner, frame.entry].compactMap { $0 }) }
            return all
        }
    }

    private static func layout(_ minor: Int) throws -> PythonLayout {
        try PythonLayout.table(for: PythonVersion(major: 3, minor: UInt8(minor)))
    }

    @Test("no byte that a walk looks at may differ, in either reading", arguments: Array(PythonLayout.supportedMinors))
    func everyByte(minor: Int) throws {
        let buffer = Buffer(try Self.layout(minor))
        let walk = buffer.walk()
        let frame = buffer.frame
        let before = walk.instruction(buffer.bytes, from: 0x1000)
        let instruction = try #require(before)
        for index in 0..<buffer.count {
            for (start, isFirst) in [(buffer.places(index).0, true), (buffer.places(index).1, false)] {
                for offset in 0..<frame.size {
                    buffer.bytes[start + offset] ^= 0x10
                    defer { buffer.bytes[start + offset] ^= 0x10 }
                    let found = walk.instruction(buffer.bytes, from: 0x1000)
                    let isOfInstruction =
                        frame.instruction..<frame.instruction + (frame.isInstructionWide ? 8 : 4) ~= offset
                    if index == 0, isOfInstruction {
                        // The innermost frame runs: what the first reading has counts.
                        #expect((found != instruction) == isFirst && found != nil, "frame \(index), byte \(offset)")
                    } else {
                        #expect(
                            (found == nil) == buffer.decisive(isFirst: isFirst).contains(offset),
                            "frame \(index), byte \(offset)")
                    }
                }
            }
        }
    }

    /// The stack in the buffer is not the one of a walk.
    private func expectNew(
        _ walk: borrowing RememberedWalk, _ buffer: Buffer, from frame: UInt64,
        at place: SourceLocation = #_sourceLocation
    ) {
        let found = walk.instruction(buffer.bytes, from: frame)
        #expect(found == nil, sourceLocation: place)
    }

    @Test("a walk that began elsewhere, did not end, or was forgotten is none")
    func none() throws {
        let buffer = Buffer(try Self.layout(12))
        var walk = buffer.walk()
        expectNew(walk, buffer, from: 0x1008)
        walk.forget()
        expectNew(walk, buffer, from: 0x1000)
        walk.note(buffer.bytes, 0, 0)
        expectNew(walk, buffer, from: 0x1000)
    }

    @Test("a stack that is too deep to be remembered is walked each time")
    func tooDeep() throws {
        let buffer = Buffer(try Self.layout(9))
        var walk = RememberedWalk(buffer.frame)
        for _ in 0..<10_000 { walk.note(buffer.bytes, 0, 0) }
        walk.end(from: 0x1000)
        expectNew(walk, buffer, from: 0x1000)
    }
}
