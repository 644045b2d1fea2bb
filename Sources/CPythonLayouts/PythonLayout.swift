/// Where everything is in one minor version of CPython: offsets in bytes, as data.
///
/// One table per minor (`Tables/`), written from that minor's headers by `scripts/cpython-offsets`. From 3.13 on the
/// target's own `_Py_DebugOffsets` overrides what it covers. Walkers read through this and know no number themselves.
public struct PythonLayout: Hashable, Sendable {
    /// The minor version: 9 to 15.
    public var minor: Int
    var runtime: Runtime
    var interpreter: Interpreter
    var gil: Gil
    var collector: Collector
    var thread: Thread
    var frame: Frame
    var code: Code
    var generator: Generator
    var type: TypeObject
    var string: StringObject
    /// `PyTupleObject.ob_item`.
    var tupleItems: Int
    /// Whether an int keeps its size in `lv_tag` (3.12+) rather than in `ob_size`.
    var isIntegerTagged: Bool
    var function: Function
    var dict: Dict
    var attributes: Attributes
    var task: Task
    var opcodes: Opcodes

    struct Runtime: Hashable, Sendable {
        var interpretersHead: Int
        /// The one lock of the process, up to 3.11.
        var gil: Int?
    }

    struct Interpreter: Hashable, Sendable {
        var next: Int
        var threadsHead: Int
        /// `sys.modules`.
        var modules: Int
        var collector: Int
        /// Pointer to the interpreter's lock, from 3.12 on.
        var gilPointer: Int?
        /// Tasks of threads that ended, from 3.14 on.
        var tasksHead: Int?
    }

    struct Gil: Hashable, Sendable {
        var lastHolder: Int
        var locked: Int
    }

    struct Collector: Hashable, Sendable {
        /// Three list heads, 24 bytes apart.
        var generations: Int
        var collecting: Int
    }

    struct Thread: Hashable, Sendable {
        var next: Int
        /// The `pthread_t`.
        var identifier: Int
        /// The kernel's id, from 3.11 on.
        var nativeIdentifier: Int?
        /// The current frame; of 3.11 and 3.12 the C frame that points to it.
        var frame: Int
        /// Where the C frame keeps the current frame (3.11, 3.12).
        var cframeCurrent: Int?
        /// The newest chunk of the data stack, from 3.11 on.
        var stackChunk: Int?
        /// Its asyncio tasks, from 3.14 on.
        var tasksHead: Int?
    }

    /// `_PyInterpreterFrame` (3.11+) or `PyFrameObject` before.
    struct Frame: Hashable, Sendable {
        var size: Int
        var previous: Int
        var code: Int
        var instruction: Int
        /// 3.9: pointer to the top; 3.10: depth; 3.11 to 3.13: index from `locals`; from 3.14 on: pointer past the top.
        var stackTop: Int
        var owner: Int?
        var locals: Int
        var valueStack: Int?
        /// 3.9: whether it executes; 3.10: its state.
        var state: Int?
    }

    struct Code: Hashable, Sendable {
        var names: Int
        var fileName: Int
        var name: Int
        var firstLine: Int
        var flags: Int
        /// The location table (3.11+), line table (3.10) or line number table (3.9).
        var lineTable: Int
        var stackSize: Int
        var qualifiedName: Int?
        var exceptionTable: Int?
        var localNames: Int
        var localKinds: Int?
        /// The instructions themselves (3.11+), or a pointer to a bytes object that holds them.
        var bytecode: Int
        /// Index of the first instruction after the prologue (3.11+).
        var firstTraceable: Int?
        var cellNames: Int?
        var freeNames: Int?
    }

    struct Generator: Hashable, Sendable {
        /// The frame itself, or a pointer to it.
        var frame: Int
        var isFrameInline: Bool
        var state: Int?
        var name: Int
        var qualifiedName: Int
    }

    struct TypeObject: Hashable, Sendable {
        var name: Int
        var basicSize: Int
        var flags: Int
        var dictOffset: Int
        var base: Int
        var dict: Int
        var mro: Int
        var cachedKeys: Int
        var qualifiedName: Int
    }

    /// Where the characters of a string begin: `PyASCIIObject`, `PyCompactUnicodeObject`.
    struct StringObject: Hashable, Sendable {
        var ascii: Int
        var compact: Int
    }

    struct Function: Hashable, Sendable {
        var code: Int
        var qualifiedName: Int
        var dict: Int
        var module: Int
        var closure: Int
    }

    struct Dict: Hashable, Sendable {
        /// How the keys are headed.
        enum Form: Hashable, Sendable {
            /// Reference count, size, lookup function, usable, entries: up to 3.10.
            case lookup
            /// Logarithms of the sizes and a kind: from 3.11 on.
            case compact
        }
        var form: Form
        /// Where a split dictionary's values begin.
        var values: Int
    }

    /// How a plain instance keeps its attributes.
    enum Attributes: Hashable, Sendable {
        /// A dict at `tp_dictoffset` (3.9, 3.10).
        case dictOffset
        /// Values at -32 and dict at -24 (3.11).
        case twoWords
        /// One word at -24, whose low bit says values (3.12).
        case taggedWord
        /// Values inside the object, or a dict at -24 (3.13+).
        case inline
    }

    struct Task: Hashable, Sendable {
        var loop: Int
        /// 0 pending, 1 cancelled, 2 finished.
        var state: Int
        var waiter: Int
        var coroutine: Int
        var name: Int
        /// The link in its thread's list, from 3.14 on.
        var node: Int?
    }
}

extension PythonLayout {
    /// The minor versions that have a table.
    public static let supportedMinors = 9...15

    /// The table of a version.
    ///
    /// - Throws: `.unsupported` outside 3.9 to 3.15.
    public static func table(for version: PythonVersion) throws(LayoutError) -> PythonLayout {
        switch (version.major, version.minor) {
        case (3, 9): python39
        case (3, 10): python310
        case (3, 11): python311
        case (3, 12): python312
        case (3, 13): python313
        case (3, 14): python314
        case (3, 15): python315
        default: throw .unsupported(version)
        }
    }
}

/// Why an interpreter cannot be read.
public enum LayoutError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No table for this version.
    case unsupported(PythonVersion)
    /// A free-threaded build: its objects have another shape.
    case freeThreaded(PythonVersion)
    /// A self-check failed: memory does not look as the table says.
    case mismatch(PythonVersion, check: String)
    /// The target could not be read.
    case unreadable

    /// What happened, and what would work.
    public var description: String {
        switch self {
        case .unsupported(let version):
            "CPython \(version) is not supported: loopscope reads 3.9 to 3.15"
        case .freeThreaded(let version):
            "CPython \(version) is a free-threaded build: only builds with the GIL can be read"
        case .mismatch(let version, let check):
            "memory does not look like CPython \(version) (\(check)): a patched build, or a wrong version"
        case .unreadable: "the interpreter's memory could not be read"
        }
    }
}
