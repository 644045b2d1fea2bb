import Observations
import RemoteProcess

/// The scheduler's account of one thread of this process: asked fifty times a second, so its files are kept open and nothing
/// is allocated.
///
/// Owns its buffer. One thread.
final class SchedulerAccount {
    /// Whose it is.
    let thread: Int32
    private let times: OpenFile
    private let state: OpenFile
    private let buffer: UnsafeMutableRawBufferPointer

    /// The account of thread `thread`; `nil` when it is gone, or the kernel keeps none.
    init?(of thread: Int32, in proc: ProcFS = ProcFS()) {
        let folder = "\(proc.root)/self/task/\(thread)"
        guard let times = try? OpenFile("\(folder)/schedstat"), let state = try? OpenFile("\(folder)/stat") else {
            return nil
        }
        self.thread = thread
        self.times = times
        self.state = state
        buffer = .allocate(byteCount: 1024, alignment: 8)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { buffer.deallocate() }

    /// The account now; `nil` when the thread has ended.
    ///
    /// - Parameter state: whether it is to be known if the thread is runnable, which costs the kernel more than all the rest;
    ///   else it counts as runnable.
    func read(state: Bool) -> SchedulerReading? {
        guard let count = times.read(into: buffer), let (cpu, waited) = Self.times(in: buffer[..<count]) else {
            return nil
        }
        var isRunnable = true
        if state {
            guard let length = self.state.read(into: buffer), let found = Self.isRunnable(buffer[..<length]) else {
                return nil
            }
            isRunnable = found
        }
        return SchedulerReading(cpu: cpu, waited: waited, isRunnable: isRunnable)
    }

    /// The first two of the numbers of schedstat, in nanoseconds.
    private static func times(in line: Slice<UnsafeMutableRawBufferPointer>) -> (Nanoseconds, Nanoseconds)? {
        var numbers: (Int64, Int64) = (0, 0)
        var field = 0
        for byte in line {
            switch byte {
            case UInt8(ascii: " "): field += 1
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                // What overflows is no account of a thread.
                if field == 0 { numbers.0 = numbers.0 &* 10 &+ Int64(byte - 0x30) }
                if field == 1 { numbers.1 = numbers.1 &* 10 &+ Int64(byte - 0x30) }
            default: break
            }
        }
        return field > 1 ? (Nanoseconds(numbers.0), Nanoseconds(numbers.1)) : nil
    }

    /// Field 3 of stat. The name before it may contain anything; nothing after it contains a parenthesis.
    private static func isRunnable(_ line: Slice<UnsafeMutableRawBufferPointer>) -> Bool? {
        guard let close = line.lastIndex(of: UInt8(ascii: ")")), close + 2 < line.endIndex else { return nil }
        return line[close + 2] == UInt8(ascii: "R")
    }
}
