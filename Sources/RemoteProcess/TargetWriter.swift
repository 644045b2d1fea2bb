import CLinux
import Synchronization
public import TargetMemory

/// The one place that writes to another process: only ever made when the user has asked for it by name.
///
/// Each write is counted, and the count stands at the foot of the report. Safe on any thread.
public final class TargetWriter: Sendable {
    private let pid: Int32
    private let count = Atomic<Int>(0)

    /// A writer to `pid`. Nothing is written yet.
    public init(pid: Int32) { self.pid = pid }

    /// Writes made.
    public var writeCount: Int { count.load(ordering: .relaxed) }

    /// Writes all of `bytes` at `address` with one process_vm_writev(2), or throws: then nothing, or a first part of it
    /// up to an unmapped page, has been written.
    public func write(_ bytes: [UInt8], at address: RemoteAddress) throws(RemoteReadError) {
        guard !bytes.isEmpty else { return }
        let put = bytes.withUnsafeBytes { buffer -> Int64 in
            var here = ls_range(
                address: UInt64(UInt(bitPattern: buffer.baseAddress)), length: UInt64(buffer.count))
            var range = ls_range(address: address, length: UInt64(buffer.count))
            return ls_process_vm_writev(pid, &here, 1, &range, 1)
        }
        count.wrappingAdd(1, ordering: .relaxed)
        guard put == Int64(bytes.count) else { throw RemoteReadError(put, address, bytes.count) }
    }
}
