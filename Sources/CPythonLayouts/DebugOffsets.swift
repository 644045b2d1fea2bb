public import TargetMemory

/// The table that CPython 3.13 and later carry at the start of `_PyRuntime`: `_Py_DebugOffsets`.
///
/// internal/pycore_runtime.h (tag v3.13.0), internal/pycore_debug_offsets.h (tags v3.14.0, v3.15.2). Fields are counted in
/// 64-bit words from its start; the ones read here keep their group's order in all, but for threads in 3.15.
public struct DebugOffsets: Hashable, Sendable {
    /// The version of the interpreter that carries it.
    public var version: PythonVersion
    /// Built without a GIL.
    public var isFreeThreaded: Bool
    private(set) var words: [UInt64]

    private static let cookie = Array("xdebugpy".utf8)
    private static let count = 111

    /// Reads the table at `runtime`; `nil` when there is none: CPython up to 3.12.
    public init?(runtime: RemoteAddress, _ memory: any RemoteMemory) throws(RemoteReadError) {
        let bytes = try memory.bytes(at: runtime, count: Self.count * 8, limit: Self.count * 8)
        guard bytes.starts(with: Self.cookie) else { return nil }
        words = stride(from: 0, to: bytes.count, by: 8).map { place in
            (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) }
        }
        version = PythonVersion(hex: UInt32(truncatingIfNeeded: words[1]))
        isFreeThreaded = words[2] != 0
    }

    /// The layout of its minor, corrected by what the target says itself.
    ///
    /// - Throws: `.unsupported`, `.freeThreaded`, or `.mismatch` when an offset is absurd.
    public func layout() throws(LayoutError) -> PythonLayout {
        guard !isFreeThreaded else { throw .freeThreaded(version) }
        var layout = try PythonLayout.table(for: version)
        let places: [Place]
        switch version.minor {
        case 13: places = Self.places313
        case 14: places = Self.places314
        case 15: places = Self.places315
        default: return layout
        }
        for place in places {
            // No structure of the interpreter is larger than a megabyte.
            guard words[place.word] < 1 << 20 else { throw .mismatch(version, check: "debug offset \(place.word)") }
            place.assign(&layout, Int(words[place.word]))
        }
        return layout
    }

    private struct Place: Sendable {
        var word: Int
        var assign: @Sendable (inout PythonLayout, Int) -> Void
        init(_ word: Int, _ assign: @escaping @Sendable (inout PythonLayout, Int) -> Void) {
            self.word = word
            self.assign = assign
        }
    }

    private static let places313: [Place] =
        [
            Place(5) { $0.runtime.interpretersHead = $1 }, Place(8) { $0.interpreter.next = $1 },
            Place(9) { $0.interpreter.threadsHead = $1 }, Place(10) { $0.interpreter.collector = $1 },
            Place(11) { $0.interpreter.modules = $1 }, Place(14) { $0.interpreter.gilPointer = $1 },
        ] + threads(19) + frames(28) + codes(34) + [
            Place(47) { $0.type.name = $1 }, Place(49) { $0.type.flags = $1 }, Place(51) { $0.tupleItems = $1 },
        ]

    private static let places314: [Place] =
        [
            Place(5) { $0.runtime.interpretersHead = $1 }, Place(8) { $0.interpreter.next = $1 },
            Place(9) { $0.interpreter.threadsHead = $1 }, Place(11) { $0.interpreter.collector = $1 },
            Place(12) { $0.interpreter.modules = $1 }, Place(15) { $0.interpreter.gilPointer = $1 },
        ] + threads(22) + frames(31) + [Place(37) { $0.frame.stackTop = $1 }] + codes(39) + [
            Place(53) { $0.type.name = $1 }, Place(55) { $0.type.flags = $1 }, Place(57) { $0.tupleItems = $1 },
        ]

    private static let places315: [Place] =
        [
            Place(5) { $0.runtime.interpretersHead = $1 }, Place(8) { $0.interpreter.next = $1 },
            Place(9) { $0.interpreter.threadsHead = $1 }, Place(11) { $0.interpreter.collector = $1 },
            Place(12) { $0.interpreter.modules = $1 }, Place(15) { $0.interpreter.gilPointer = $1 },
        ] + threads(22, identifiers: 8) + frames(39) + [Place(45) { $0.frame.stackTop = $1 }] + codes(47) + [
            Place(61) { $0.type.name = $1 }, Place(63) { $0.type.flags = $1 }, Place(64) { $0.type.basicSize = $1 },
            Place(65) { $0.type.dictOffset = $1 }, Place(67) { $0.type.cachedKeys = $1 },
            Place(69) { $0.tupleItems = $1 }, Place(95) { $0.collector.collecting = $1 },
        ]

    // Three groups that the versions order alike, each from the word of its size; 3.15 has three more fields before a
    // thread's identifiers.
    private static func threads(_ group: Int, identifiers: Int = 5) -> [Place] {
        [
            Place(group + 2) { $0.thread.next = $1 }, Place(group + 4) { $0.thread.frame = $1 },
            Place(group + identifiers) { $0.thread.identifier = $1 },
            Place(group + identifiers + 1) { $0.thread.nativeIdentifier = $1 },
            Place(group + identifiers + 2) { $0.thread.stackChunk = $1 },
        ]
    }
    private static func frames(_ group: Int) -> [Place] {
        [
            Place(group) { $0.frame.size = $1 }, Place(group + 1) { $0.frame.previous = $1 },
            Place(group + 2) { $0.frame.code = $1 }, Place(group + 3) { $0.frame.instruction = $1 },
            Place(group + 4) { $0.frame.locals = $1 }, Place(group + 5) { $0.frame.owner = $1 },
        ]
    }
    private static func codes(_ group: Int) -> [Place] {
        [
            Place(group + 1) { $0.code.fileName = $1 }, Place(group + 2) { $0.code.name = $1 },
            Place(group + 3) { $0.code.qualifiedName = $1 }, Place(group + 4) { $0.code.lineTable = $1 },
            Place(group + 5) { $0.code.firstLine = $1 }, Place(group + 7) { $0.code.localNames = $1 },
            Place(group + 8) { $0.code.localKinds = $1 }, Place(group + 9) { $0.code.bytecode = $1 },
        ]
    }
}
