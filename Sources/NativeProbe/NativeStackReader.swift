import CUnwind
import Glibc
public import Observations
public import RemoteProcess

/// The native stack of a thread of another process, and what taking it cost the thread.
public struct NativeStack: Hashable, Sendable {
    /// Program counters, innermost first; `Symbolizer.frames(for:)` names them.
    public var counters: [UInt64]
    /// How long the thread was stopped.
    public var stopped: Nanoseconds
    /// The stack was deeper than the bytes copied, or than `limit`.
    public var isCut: Bool
}

/// Takes native stacks of another process: each thread is stopped for the time of one copy (some 40 µs) and unwound
/// from the copy after it runs again.
///
/// Needs the right to ptrace. Stops the target, so only `--native` uses it. Each call seizes, copies and lets go on a
/// thread of its own, whose end lets go of everything, so no thread of the target can be left stopped. Not `Sendable`:
/// one caller at a time.
public final class NativeStackReader {
    /// The process.
    public let pid: Int32
    private let proc: ProcFS
    /// libunwind's tables of the process; freed in `deinit`.
    private let unwinder: OpaquePointer
    /// Owned here, freed in `deinit`: 64 KB, too large for the stack.
    private let copy: UnsafeMutablePointer<ls_thread_copy>
    private var maps: MemoryMaps

    /// A reader of `pid`; `nil` when libunwind cannot serve it.
    public init?(pid: Int32, proc: ProcFS = ProcFS()) {
        guard let unwinder = ls_unwinder_create(pid) else { return nil }
        self.pid = pid
        self.proc = proc
        self.unwinder = unwinder
        copy = .allocate(capacity: 1)
        copy.initialize(to: ls_thread_copy())
        maps = MemoryMaps(parsing: [])
    }

    deinit {
        ls_unwinder_destroy(unwinder)
        copy.deallocate()
    }

    /// The stack of a thread, at most `limit` frames.
    ///
    /// - Throws: when the thread has ended, may not be traced, or sleeps uninterruptibly.
    public func stack(
        of tid: Int32, limit: Int = 256, timeout: Nanoseconds = .milliseconds(100)
    ) throws(NativeStackError) -> NativeStack {
        let result = ls_copy_thread(pid, tid, copy, max(timeout.count, 0))
        guard result == 0 else { throw NativeStackError(tid: tid, errno: -result) }
        let pointer = copy.pointee.registers.16
        let end = stackEnd(pointer)
        let counters = [UInt64](unsafeUninitializedCapacity: max(limit, 1)) { buffer, filled in
            filled = Int(ls_unwind_copy(unwinder, copy, end, buffer.baseAddress, Int32(clamping: buffer.count)))
        }
        return NativeStack(
            counters: counters, stopped: Nanoseconds(copy.pointee.stopped_ns),
            isCut: counters.count == limit || pointer &+ copy.pointee.length < end)
    }

    /// The end of the mapping the stack pointer is in: bytes from the copy's end to there have changed since.
    private func stackEnd(_ pointer: UInt64) -> UInt64 {
        if let mapping = maps.mapping(at: pointer) { return mapping.end }
        if let fresh = try? MemoryMaps(of: pid, in: proc) { maps = fresh }
        return maps.mapping(at: pointer)?.end ?? pointer
    }
}

/// Why a thread's native stack could not be taken.
public struct NativeStackError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The thread.
    public var tid: Int32
    /// EPERM without the right to ptrace; ESRCH when it has ended; ETIMEDOUT when it did not stop.
    public var errno: Int32

    /// The thread, and the reason in words.
    public var description: String { "thread \(tid): \(String(cString: strerror(errno)))" }
    /// Whether the kernel refused to let it be traced.
    public var isRefusal: Bool { errno == EPERM || errno == EACCES }
}
