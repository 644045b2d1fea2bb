import CPythonLayouts
import TargetMemory

/// The last whole walk of a thread's stack: where in the call's buffer each frame was, and the words it had.
///
/// Most targets stand where they stood a moment ago, but for the instruction of the innermost frame. To see that a stack is the
/// one before, its words are compared where they were, in both readings, which is a fraction of another walk. Nothing is
/// taken for granted: every word that a walk would look at is compared.
///
/// Valid for one prepared call; whoever prepares another forgets it. One thread.
struct RememberedWalk: ~Copyable {
    /// A frame of it.
    private struct Step {
        /// Where its two readings are; the same place when there is one.
        var (first, second) = (0, 0)
        var (previous, code, instruction) = (UInt64(0), UInt64(0), UInt64(0))
        /// Its owner and how it was entered, or whether it executes.
        var marks: UInt16 = 0
    }

    /// Most frames that are remembered.
    private static let limit = 512

    private let frame: PythonLayout.FrameFields
    /// The two bytes that hold the marks, and which of their bits.
    private let marks: (offset: Int, mask: UInt16)
    private let steps: UnsafeMutableBufferPointer<Step>
    private var count = 0
    /// The innermost frame; 0 when no walk is remembered.
    private var innermost: RemoteAddress = 0
    /// Bytes that the buffer must have.
    private var reach = 0

    init(_ frame: PythonLayout.FrameFields) {
        self.frame = frame
        marks =
            if let entry = frame.entry {
                (entry, 0xFFFF)
            } else {
                ((frame.executing?.offset ?? frame.owner ?? 1) - 1, 0xFF00)
            }
        steps = .allocate(capacity: Self.limit)
    }

    deinit { steps.deallocate() }

    /// Forgets the walk.
    mutating func forget() { (count, innermost, reach) = (0, 0, 0) }

    /// Notes the next outer frame of a walk; both readings are in `bytes` and agree.
    @inline(__always)
    mutating func note(_ bytes: UnsafeMutableRawBufferPointer, _ first: Int, _ second: Int) {
        precondition(first >= 0 && first + frame.size <= bytes.count)
        if count < Self.limit {
            let one = UnsafeRawBufferPointer(rebasing: bytes[first...])
            let step = Step(
                first: first, second: second,
                previous: one.loadUnaligned(fromByteOffset: frame.previous, as: UInt64.self),
                code: one.loadUnaligned(fromByteOffset: frame.code, as: UInt64.self),
                instruction: frame.instruction(one), marks: marks(one))
            steps.initializeElement(at: count, to: step)
            reach = max(reach, max(first, second) + frame.size)
        }
        count += 1
    }

    /// The walk from `address` outwards is whole.
    mutating func end(from address: RemoteAddress) {
        if count > 0, count <= Self.limit { innermost = address } else { forget() }
    }

    /// Compares a new reading with the walk.
    ///
    /// - Returns: the instruction of the innermost frame; `nil` when anything else differs, or there is no walk.
    @inline(__always)
    func instruction(_ bytes: UnsafeMutableRawBufferPointer, from address: RemoteAddress) -> UInt64? {
        guard address == innermost, address != 0 else { return nil }
        precondition(reach <= bytes.count)
        let all = UnsafeRawBufferPointer(bytes)
        let present = frame.instruction(UnsafeRawBufferPointer(rebasing: all[steps[0].first...]))
        for index in 0..<count {
            let step = steps[index]
            let one = UnsafeRawBufferPointer(rebasing: all[step.first...])
            var difference = self.difference(one, step) | UInt64(marks(one) ^ step.marks)
            if index > 0 { difference |= frame.instruction(one) ^ step.instruction }
            if step.second != step.first {
                let two = UnsafeRawBufferPointer(rebasing: all[step.second...])
                difference |= self.difference(two, step)
                if index > 0 { difference |= frame.instruction(two) ^ step.instruction }
            }
            if difference != 0 { return nil }
        }
        return present
    }

    @inline(__always)
    private func difference(_ bytes: UnsafeRawBufferPointer, _ step: Step) -> UInt64 {
        (bytes.loadUnaligned(fromByteOffset: frame.previous, as: UInt64.self) ^ step.previous)
            | (bytes.loadUnaligned(fromByteOffset: frame.code, as: UInt64.self) ^ step.code)
    }

    @inline(__always)
    private func marks(_ bytes: UnsafeRawBufferPointer) -> UInt16 {
        bytes.loadUnaligned(fromByteOffset: marks.offset, as: UInt16.self) & marks.mask
    }
}
