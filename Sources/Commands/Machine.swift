import Foundation
import Glibc

/// The machine that a run was made on.
enum Machine {
    /// The kernel's release: `6.1.0-18-amd64`.
    static var kernel: String {
        var name = utsname()
        guard uname(&name) == 0 else { return "unknown" }
        return withUnsafeBytes(of: &name.release) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Bytes of a page of memory.
    static var pageSize: Int { max(1, sysconf(Int32(_SC_PAGESIZE))) }

    /// Processors that are online.
    static var cores: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

/// What the rest of the machine did meanwhile, which times depend on and counts do not.
struct MachineNoise: Hashable, Sendable {
    /// Share of the time of all processors that was not idle.
    var busyPercent: Double
    /// Share that a hypervisor gave to others.
    var stolenPercent: Double

    /// `41 % busy, 0 % stolen`.
    var words: String { "\(Int(busyPercent.rounded())) % busy, \((stolenPercent * 10).rounded() / 10) % stolen" }

    /// Of the time between two readings; `nil` when the clock did not move.
    init?(from before: Reading, to after: Reading) {
        let all = after.all - before.all
        guard all > 0 else { return nil }
        busyPercent = (1 - (after.idle - before.idle) / all) * 100
        stolenPercent = (after.stolen - before.stolen) / all * 100
    }

    /// The first line of /proc/stat (proc_stat(5)): user nice system idle iowait irq softirq steal, in ticks.
    struct Reading: Hashable, Sendable {
        var all: Double
        var idle: Double
        var stolen: Double

        /// Parses the file; `nil` when it is not what it should be.
        init?(_ text: String) {
            let words = text.prefix { $0 != "\n" }.split(separator: " ")
            let ticks = words.dropFirst().prefix(8).compactMap { Double($0) }
            guard words.first == "cpu", ticks.count == 8 else { return nil }
            (all, idle, stolen) = (ticks.reduce(0, +), ticks[3] + ticks[4], ticks[7])
        }

        /// Reads it now.
        static func now() -> Reading? {
            guard let file = FileHandle(forReadingAtPath: "/proc/stat") else { return nil }
            defer { try? file.close() }  // nothing was written
            guard let data = try? file.read(upToCount: 4096) else { return nil }
            return Reading(String(decoding: data, as: UTF8.self))
        }
    }
}
