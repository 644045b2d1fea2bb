/// The offsets that a sampler reads by, which gathers frames and thread states as raw bytes.
extension PythonLayout {
    /// Where a frame keeps the words of a stack.
    public struct FrameFields: Hashable, Sendable {
        /// Bytes from a frame's start that hold all of them.
        public var size: Int
        /// The next outer frame.
        public var previous: Int
        /// The code object, tagged in its lowest bit from 3.14 on.
        public var code: Int
        /// The instruction: a pointer, or a 32-bit index before 3.11.
        public var instruction: Int
        /// Whether the instruction is a pointer.
        public var isInstructionWide: Bool
        /// `FRAME_OWNED_BY_*`, from 3.11 on.
        public var owner: Int?
        /// Whether C code entered the frame, when no frame of its own says so (3.11).
        public var entry: Int?
        /// A byte that has one value as long as a frame executes: before 3.11, when frames are objects that are used
        /// again and again.
        public var executing: Executing?

        /// The byte and its value.
        public struct Executing: Hashable, Sendable {
            /// Where it is.
            public var offset: Int
            /// Its value in a frame that executes.
            public var value: UInt8
        }
    }

    /// Where a thread keeps the words of a stack.
    public struct ThreadFields: Hashable, Sendable {
        /// The bytes of a thread state that hold all of them.
        public var span: Range<Int>
        /// The current frame, or the C frame that points to it.
        public var frame: Int
        /// Where a C frame keeps the current frame (3.11, 3.12).
        public var cframeCurrent: Int?
        /// The newest chunk of the data stack; its top is the next word. From 3.11 on.
        public var stackChunk: Int?
    }

    /// Where a frame keeps the words of a stack.
    public var frameFields: FrameFields {
        let isWide = minor >= 11
        let last = max(
            frame.previous + 8, frame.code + 8, frame.instruction + 8, (frame.owner ?? 0) + 1, (frame.state ?? 0) + 1)
        return FrameFields(
            size: last, previous: frame.previous, code: frame.code, instruction: frame.instruction,
            isInstructionWide: isWide, owner: frame.owner,
            // _PyInterpreterFrame of 3.11: `bool is_entry`, then `char owner`.
            entry: minor == 11 ? frame.owner.map { $0 - 1 } : nil,
            // 3.9 f_executing; 3.10 f_state FRAME_EXECUTING.
            executing: frame.state.map { .init(offset: $0, value: minor == 9 ? 1 : 0) })
    }

    /// Where a lock keeps its last holder, and in the next word whether it has it (internal/pycore_gil.h
    /// `_gil_runtime_state`).
    public var lockFields: Int { gil.lastHolder }

    /// Where a thread keeps the words of a stack.
    public var threadFields: ThreadFields {
        // The chunk is followed by the top of the data stack.
        let places = [thread.frame..<thread.frame + 8] + (thread.stackChunk.map { [$0..<$0 + 16] } ?? [])
        let first = places.map(\.lowerBound).min() ?? 0
        let last = places.map(\.upperBound).max() ?? 8
        return ThreadFields(
            span: first..<last, frame: thread.frame, cframeCurrent: thread.cframeCurrent, stackChunk: thread.stackChunk)
    }
}
