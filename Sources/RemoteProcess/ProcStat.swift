/// One line of /proc/PID/stat or /proc/PID/task/TID/stat. Source: proc_pid_stat(5).
public struct ProcStat: Hashable, Sendable {
    /// Process or thread id.
    public var pid: Int32
    /// Its name, at most 15 bytes, which may hold anything: spaces, parentheses, line ends.
    public var comm: String
    /// R, S, D, Z, T, t, X, I.
    public var state: Character
    /// Its parent.
    public var parent: Int32
    /// CPU time in user mode, in clock ticks (100 a second).
    public var userTicks: UInt64
    /// CPU time in the kernel, in clock ticks.
    public var systemTicks: UInt64
    /// Threads of the process.
    public var threads: Int
    /// When it started, in clock ticks since boot.
    public var startTicks: UInt64
    /// Resident set in pages.
    public var residentPages: Int

    /// Parses the line; `nil` when it is not one.
    public init?(parsing line: [UInt8]) {
        // The name may contain anything, ") R 1" included; nothing after it contains a parenthesis.
        guard let open = line.firstIndex(of: UInt8(ascii: "(")), let close = line.lastIndex(of: UInt8(ascii: ")")),
            open < close, let pid = Int32(ascii: line[..<open].dropLast())
        else { return nil }
        self.pid = pid
        comm = String(decoding: line[(open + 1)..<close], as: UTF8.self)
        state = "?"
        (parent, userTicks, systemTicks, threads, startTicks, residentPages) = (0, 0, 0, 0, 0, 0)
        // Field 3 of the manual page comes first. A sampler parses a line per thread: no field is copied.
        var field = 3
        var start = close + 2
        while start < line.count, field <= 24 {
            var end = start
            while end < line.count, line[end] != UInt8(ascii: " "), line[end] != UInt8(ascii: "\n") { end += 1 }
            guard take(field, line[start..<end]) else { return nil }
            field += 1
            start = end + 1
        }
        guard field > 24 else { return nil }
    }

    /// Takes a field by its number in the manual page; false when it is damaged.
    private mutating func take(_ field: Int, _ text: ArraySlice<UInt8>) -> Bool {
        switch field {
        case 3: text.first.map { state = Character(Unicode.Scalar($0)) } != nil
        case 4: Int32(ascii: text).map { parent = $0 } != nil
        case 14: UInt64(ascii: text).map { userTicks = $0 } != nil
        case 15: UInt64(ascii: text).map { systemTicks = $0 } != nil
        case 20: Int(ascii: text).map { threads = $0 } != nil
        case 22: UInt64(ascii: text).map { startTicks = $0 } != nil
        case 24: Int(ascii: text).map { residentPages = $0 } != nil
        default: true
        }
    }
}

extension FixedWidthInteger {
    /// A whole decimal number in ASCII, or `nil`: foreign text never traps and never wraps.
    package init?(ascii text: some Collection<UInt8>) {
        let isNegative = Self.isSigned && text.first == UInt8(ascii: "-")
        guard text.count > (isNegative ? 1 : 0) else { return nil }
        self = 0
        for digit in text.dropFirst(isNegative ? 1 : 0) {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            let (product, overflow) = multipliedReportingOverflow(by: 10)
            let value = Self(digit - 0x30)
            let (sum, carry) =
                isNegative ? product.subtractingReportingOverflow(value) : product.addingReportingOverflow(value)
            if overflow || carry { return nil }
            self = sum
        }
    }
}
