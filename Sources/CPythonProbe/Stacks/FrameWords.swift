import CPythonLayouts
import TargetMemory

/// The words of one frame that two readings agree on.
///
/// The one place of the sampler that reads frames as raw bytes; every access is checked against the buffer's length.
struct FrameWords {
    /// The frame that called it, or 0.
    var previous: RemoteAddress
    /// Its code object, with the lowest bit set where C code entered the frame (3.11).
    var code: RemoteAddress
    /// Where in the code it is.
    var instruction: UInt64
    /// Who owns it (`FRAME_OWNED_BY_*`), or `notRunning`.
    var owner: UInt8

    /// What stands for the owner of a frame that is none of Python's.
    static let notRunning: UInt8 = 0xFF

    /// An entry frame that the stack ends at and that was not read.
    static let end = FrameWords(previous: 0, code: 0, instruction: 0, owner: notRunning)

    init(previous: RemoteAddress, code: RemoteAddress, instruction: UInt64, owner: UInt8) {
        (self.previous, self.code, self.instruction, self.owner) = (previous, code, instruction, owner)
    }

    /// The words at two places of a buffer; `nil` when they differ. The innermost frame's instruction may: it runs.
    @inline(__always)
    init?(
        _ bytes: UnsafeMutableRawBufferPointer, _ first: Int, _ second: Int, _ frame: PythonLayout.FrameFields,
        isInnermost: Bool
    ) {
        precondition(min(first, second) >= 0 && max(first, second) + frame.size <= bytes.count)
        let (one, two) = (
            UnsafeRawBufferPointer(rebasing: bytes[first...]), UnsafeRawBufferPointer(rebasing: bytes[second...])
        )
        let previous = one.loadUnaligned(fromByteOffset: frame.previous, as: UInt64.self)
        let code = one.loadUnaligned(fromByteOffset: frame.code, as: UInt64.self)
        guard previous == two.loadUnaligned(fromByteOffset: frame.previous, as: UInt64.self),
            code == two.loadUnaligned(fromByteOffset: frame.code, as: UInt64.self)
        else { return nil }
        let (instruction, again) = (frame.instruction(one), frame.instruction(two))
        guard instruction == again || isInnermost else { return nil }
        if let executing = frame.executing, one[executing.offset] != executing.value {
            // The innermost frame may be about to begin, or to leave; any other was used anew.
            guard isInnermost else { return nil }
            self.init(previous: previous, code: code, instruction: instruction, owner: Self.notRunning)
            return
        }
        let owner = frame.owner.map { one[$0] } ?? 0
        let isEntry = frame.entry.map { one[$0] & 1 } ?? 0
        self.init(
            previous: previous, code: code & ~1 | UInt64(isEntry), instruction: instruction, owner: owner)
    }

}

extension PythonLayout.FrameFields {
    /// The instruction of the frame that begins with `bytes`.
    @inline(__always)
    func instruction(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        isInstructionWide
            ? bytes.loadUnaligned(fromByteOffset: instruction, as: UInt64.self)
            : UInt64(bitPattern: Int64(bytes.loadUnaligned(fromByteOffset: instruction, as: Int32.self)))
    }
}
