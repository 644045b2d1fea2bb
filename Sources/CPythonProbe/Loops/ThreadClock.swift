import Observations
import RemoteProcess
import TargetMemory

/// What keeps a thread that is not where it could be done: nothing, something that it waits for, or the interpreter's lock.
enum Occupation {
    /// It has a processor, or waits in the run queue for one.
    case running
    /// It waits for something of its own choice: a time, a socket.
    case waiting
    /// It waits for another thread.
    case locked
    /// It waits for the interpreter's lock, which another thread holds.
    case barred
}

/// What the kernel counts of one thread of the target: read a hundred times a second, so its files are kept open and nothing
/// is allocated.
///
/// Owns its buffer. One thread.
final class ThreadClock {
    /// Documentation/scheduler/sched-stats.rst, /proc/PID/task/TID/schedstat.
    struct Reading: Equatable {
        /// Time on a processor.
        var ran: Nanoseconds
        /// Time in a run queue. The kernel adds a wait up when it is over.
        var waited: Nanoseconds
        /// How often it was given a processor: where that has not changed, a thread that slept sleeps still.
        var turns: Int64
    }

    #if arch(x86_64)
        /// The number of `futex(2)`.
        static let futex: UInt64 = 202
    #else
        /// The number of `futex(2)`.
        static let futex: UInt64 = 98
    #endif

    /// A file that is kept open.
    private final class Kept {
        let file: OpenFile
        init(_ path: String) throws(ProcError) { file = try OpenFile(path) }
    }

    private let schedstat: Kept?
    /// Opened when it is asked for: of most threads it never is.
    private lazy var syscall = try? Kept(syscallPath)
    private let syscallPath: String
    private let buffer: UnsafeMutableRawBufferPointer

    /// The clock of a thread; it tells nothing when there is no such thread, or the kernel does not count.
    init(of tid: Int32, in pid: Int32, proc: ProcFS = ProcFS()) {
        schedstat = try? Kept(proc.path(pid, "task/\(tid)/schedstat"))
        syscallPath = proc.path(pid, "task/\(tid)/syscall")
        buffer = .allocate(byteCount: 256, alignment: 8)
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { buffer.deallocate() }

    /// The counts now; `nil` when they cannot be read.
    func read() -> Reading? {
        guard let count = schedstat?.file.read(into: buffer), count > 0 else { return nil }
        return Self.parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }

    /// Where the lock lies that the thread waits for; `.some(nil)` when it waits for none, `nil` when the kernel does not say what
    /// it does (proc_pid_syscall(5)).
    func lock() -> RemoteAddress?? {
        guard let count = syscall?.file.read(into: buffer), count > 0 else { return nil }
        return .some(Self.futexAddress(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
    }

    /// The three numbers of a line; `nil` where the kernel does not count, which leaves them at 0.
    static func parse(_ line: UnsafeRawBufferPointer) -> Reading? {
        var (place, isWhole) = (0, true)
        func number() -> Int64 {
            var (value, digits) = (Int64(0), 0)
            while place < line.count, line[place] >= 0x30, line[place] <= 0x39, value < Int64.max / 16 {
                value = value * 10 + Int64(line[place] - 0x30)
                (place, digits) = (place + 1, digits + 1)
            }
            guard digits > 0, place == line.count || line[place] == 0x20 || line[place] == 0x0A else {
                isWhole = false
                return 0
            }
            place += 1
            return value
        }
        let reading = Reading(ran: Nanoseconds(number()), waited: Nanoseconds(number()), turns: number())
        return isWhole && reading.turns > 0 ? reading : nil
    }

    /// The address of the futex that a line `NUMBER 0xARGUMENT …` waits at; `nil` for another system call, and for `running`.
    static func futexAddress(_ line: UnsafeRawBufferPointer) -> RemoteAddress? {
        var (number, place) = (UInt64(0), 0)
        while place < line.count, line[place] >= 0x30, line[place] <= 0x39, number < 1 << 16 {
            number = number * 10 + UInt64(line[place] - 0x30)
            place += 1
        }
        guard place > 0, number == futex, place + 3 < line.count, line[place + 1] == 0x30, line[place + 2] == 0x78
        else {
            return nil
        }
        var (address, digits) = (UInt64(0), 0)
        for byte in line[(place + 3)...] {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return digits > 0 ? address : nil
            }
            guard digits < 16 else { return nil }
            (address, digits) = (address << 4 | UInt64(digit), digits + 1)
        }
        return digits > 0 ? address : nil
    }
}
