public import TargetMemory

/// The table that the `_asyncio` module of CPython carries from 3.14 on in its section `.AsyncioDebug`.
///
/// Modules/_asynciomodule.c `Py_AsyncioModuleDebugOffsets` (tag v3.14.0): {task size, name, awaited_by, is_task,
/// awaited_by_is_set, coroutine, node | interpreter size, tasks head | thread size, running loop, running task, tasks
/// head}, 64 bits each.
public struct AsyncioOffsets: Hashable, Sendable {
    private var words: [UInt64]
    private static let count = 13

    /// Reads the table at `address`.
    ///
    /// - Throws: when it cannot be read.
    public init(at address: RemoteAddress, _ memory: any RemoteMemory) throws(RemoteReadError) {
        let bytes = try memory.bytes(at: address, count: Self.count * 8, limit: Self.count * 8)
        words = stride(from: 0, to: bytes.count, by: 8).map { place in
            (0..<8).reduce(0) { $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) }
        }
    }

    /// A layout corrected by what the target says itself; unchanged when that is absurd, or of a minor without the table.
    public func applied(to layout: PythonLayout) -> PythonLayout {
        // A task is smaller than a page, an interpreter than a megabyte.
        guard layout.minor >= 14, words[0] > 0, words[0] < 4096, words[1...6].allSatisfy({ $0 < words[0] }),
            words[8] < words[7], words[7] < 1 << 20, words[12] < words[9], words[9] < 1 << 20
        else { return layout }
        var layout = layout
        layout.task.name = Int(words[1])
        layout.task.coroutine = Int(words[5])
        layout.task.node = Int(words[6])
        layout.interpreter.tasksHead = Int(words[8])
        layout.thread.tasksHead = Int(words[12])
        return layout
    }
}
