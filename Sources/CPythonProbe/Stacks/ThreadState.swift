import RemoteProcess

/// Whether a thread of the target runs, and where: read a hundred times a second, so its file is kept open and nothing is
/// allocated.
///
/// Owns its buffer. One thread.
final class ThreadState {
    /// What /proc/PID/task/TID/stat says (proc_pid_stat(5)).
    struct Reading: Equatable {
        /// R, S, D, Z, T, t, X, I.
        var state: UInt8
        /// The CPU it ran on last.
        var processor: Int32
    }

    private let file: OpenFile
    private let buffer: UnsafeMutableRawBufferPointer

    /// - Throws: when there is no such thread.
    init(of tid: Int32, in pid: Int32, proc: ProcFS = ProcFS()) throws(ProcError) {
        file = try OpenFile(proc.path(pid, "task/\(tid)/stat"))
        buffer = .allocate(byteCount: 1024, alignment: 8)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { buffer.deallocate() }

    /// The thread now; `nil` when it has ended.
    func read() -> Reading? {
        guard let count = file.read(into: buffer) else { return nil }
        return Self.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }

    /// Fields 3 and 39 of the line.
    static func parse(_ line: UnsafeRawBufferPointer) -> Reading? {
        // The name may contain anything; nothing after it contains a parenthesis.
        guard let close = line.lastIndex(of: UInt8(ascii: ")")), close + 2 < line.count else { return nil }
        var (field, place, processor) = (3, close + 2, Int32(0))
        while place < line.count, field <= 39 {
            let byte = line[place]
            if byte == UInt8(ascii: " ") {
                field += 1
            } else if field == 39 {
                guard byte >= 0x30, byte <= 0x39, processor < 1 << 20 else { break }
                processor = processor * 10 + Int32(byte - 0x30)
            }
            place += 1
        }
        return field >= 39 ? Reading(state: line[close + 2], processor: processor) : nil
    }
}
