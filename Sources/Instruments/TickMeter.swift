@preconcurrency import Glibc
import NIOConcurrencyHelpers
import NIOCore
public import NIOPosix

/// Tells each loop's instrument of its ticks.
///
/// NIO calls it on the loop's thread. What the sockets' handlers do is not in a tick as NIO measures it but in its
/// sleep: the heartbeat and the thread's CPU clock see that.
public final class TickMeter: NIOEventLoopMetricsDelegate {
    /// A meter for all loops of one group.
    public init() {}

    /// The instrument of the loop that the calling thread runs.
    private let current = ThreadSpecificVariable<LoopInstrument>()

    /// From now on ticks of the calling thread's loop are `instrument`'s.
    public func begin(_ instrument: LoopInstrument) { current.currentValue = instrument }

    /// Called by NIO after each tick.
    public func processedTick(info: NIOEventLoopTickInfo) {
        current.currentValue?.tick(
            nanoseconds: (info.endTime - info.startTime).nanoseconds, tasks: info.numberOfTasks)
    }
}

/// The calling thread's name, as the kernel has it: proc_pid_comm(5). Empty when it cannot be read.
func currentThreadName() -> String {
    let file = open("/proc/thread-self/comm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    let name = [UInt8](unsafeUninitializedCapacity: 64) { target, count in
        count = max(0, read(file, target.baseAddress, 64))
    }
    return String(decoding: name.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
}
