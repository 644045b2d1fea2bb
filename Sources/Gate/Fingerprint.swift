public import Observations

/// What a run was made with. Counts of one thing are not held against counts of another.
public struct Fingerprint: Hashable, Sendable, Codable {
    /// The version of loopscope.
    public var tool: String
    /// Hash of the scenario's text.
    public var scenario: String
    /// The kind of target: `embedded`, `cpython`, `url`.
    public var mode: String
    /// The server, as it describes itself: with its version, and that of Python.
    public var server: String
    /// The grade of the evidence.
    public var grade: String
    /// The kernel's release.
    public var kernel: String
    /// Processors.
    public var cores: Int

    /// A fingerprint.
    public init(
        tool: String, scenario: String, mode: String, server: String, grade: String, kernel: String, cores: Int
    ) {
        (self.tool, self.scenario, self.mode, self.server) = (tool, scenario, mode, server)
        (self.grade, self.kernel, self.cores) = (grade, kernel, cores)
    }

    /// The fingerprint of a session.
    public init(_ start: SessionStart, scenario text: String, kernel: String, cores: Int) {
        self.init(
            tool: start.tool, scenario: Self.hash(text), mode: start.kind.rawValue, server: start.description,
            grade: start.grade.rawValue, kernel: kernel, cores: cores)
    }

    /// What differs and forbids a comparison of counts: another scenario, kind of target, server or grade.
    public func conflicts(with other: Fingerprint) -> [String] {
        [
            ("scenario", scenario, other.scenario), ("mode", mode, other.mode), ("server", server, other.server),
            ("grade", grade, other.grade),
        ].compactMap { name, own, others in own == others ? nil : "\(name): \(others) then, \(own) now" }
    }

    /// What differs and only times depend on: the machine.
    public func drifts(from other: Fingerprint) -> [String] {
        [
            ("loopscope", tool, other.tool), ("kernel", kernel, other.kernel),
            ("cores", String(cores), String(other.cores)),
        ].compactMap { name, own, others in own == others ? nil : "\(name): \(others) then, \(own) now" }
    }

    /// FNV-1a, 64 bits (Fowler, Noll, Vo): tells scenarios apart; nobody is to be kept from forging one.
    static func hash(_ text: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
