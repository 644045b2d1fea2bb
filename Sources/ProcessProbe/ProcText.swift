import RemoteProcess

/// /proc/PID/task/TID/schedstat: time on a CPU and time ready to be on one, both in nanoseconds, and how often the
/// thread was put on one. Source: Documentation/scheduler/sched-stats.rst.
struct SchedStat: Hashable {
    var onCPU: Int64
    var waiting: Int64
    var slices: Int64

    init?(parsing text: [UInt8]) {
        let fields = text.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        guard fields.count == 3, let onCPU = Int64(ascii: fields[0]), let waiting = Int64(ascii: fields[1]),
            let slices = Int64(ascii: fields[2])
        else { return nil }
        (self.onCPU, self.waiting, self.slices) = (onCPU, waiting, slices)
    }
}

/// `Name:   value` lines, as /proc/PID/status has them.
struct ProcLines {
    private let text: [UInt8]

    init(_ text: [UInt8]) { self.text = text }

    /// The first number after `name:`.
    func number(_ name: String) -> Int? {
        for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: "\(name):".utf8) {
            let rest = line.dropFirst(name.utf8.count + 1)
                .split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            return rest.first.flatMap { Int(ascii: $0) }
        }
        return nil
    }
}

/// The soft limit of open files in /proc/PID/limits; `nil` when unlimited.
func descriptorLimit(parsing text: [UInt8]) -> Int? {
    let name = Array("Max open files".utf8)
    let line = text.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: name) }
    return line?.dropFirst(name.count).split(separator: UInt8(ascii: " ")).first.flatMap { Int(ascii: $0) }
}
