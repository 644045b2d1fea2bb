/// The version of a CPython interpreter, as its `PY_VERSION_HEX` says it.
public struct PythonVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// `0xMMmmppls`: major, minor, micro, release level, serial.
    public let hex: UInt32

    /// A version out of `PY_VERSION_HEX`.
    public init(hex: UInt32) { self.hex = hex }

    /// A release, where only major, minor and micro are known.
    public init(major: UInt8, minor: UInt8, micro: UInt8 = 0) {
        hex = UInt32(major) << 24 | UInt32(minor) << 16 | UInt32(micro) << 8 | 0xF0
    }

    /// 3, or 2.
    public var major: Int { Int(hex >> 24) }
    /// The second number.
    public var minor: Int { Int(hex >> 16 & 0xFF) }
    /// The third number.
    public var micro: Int { Int(hex >> 8 & 0xFF) }

    /// `3.13.5`, `3.14.0rc2`; `3.9` where only a name told it.
    public var description: String {
        if hex & 0xFF == 0 { return "\(major).\(minor)" }
        let level =
            switch hex >> 4 & 0xF {
            case 0xA: "a\(hex & 0xF)"
            case 0xB: "b\(hex & 0xF)"
            case 0xC: "rc\(hex & 0xF)"
            default: ""
            }
        return "\(major).\(minor).\(micro)\(level)"
    }

    /// The older of two is the smaller.
    public static func < (left: PythonVersion, right: PythonVersion) -> Bool { left.hex < right.hex }

    /// The major and minor number in a library or program name: `libpython3.12.so.1.0`, `/usr/bin/python3.9`.
    ///
    /// For 3.9 and 3.10, which have no version symbol.
    public init?(name: String) {
        let needle = Array("python".utf8)
        var rest = name.utf8[...]
        var found: PythonVersion?
        while !rest.isEmpty {
            // The last that has a version: a folder before it may be called after another.
            if rest.starts(with: needle), let version = Self(digits: rest.dropFirst(needle.count)) { found = version }
            rest = rest.dropFirst()
        }
        guard let found else { return nil }
        self = found
    }

    /// `3.12` at the start of some text.
    private init?(digits text: Substring.UTF8View) {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let major = UInt8(ascii: parts[0]), let minor = UInt8(ascii: parts[1]) else {
            return nil
        }
        // No release level: there is none like that, so nothing claims to know the third number.
        self.init(hex: UInt32(major) << 24 | UInt32(minor) << 16)
    }
}

extension UInt8 {
    /// The number at the start of some ASCII, up to three digits.
    fileprivate init?(ascii bytes: Substring.UTF8View) {
        let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.prefix(3)
        guard !digits.isEmpty, let value = UInt8(String(decoding: digits, as: UTF8.self)) else { return nil }
        self = value
    }
}
