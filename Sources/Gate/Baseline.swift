public import Foundation
public import Scenarios
import Statistics

/// What a run of the code before the change came to: a small file in the user's repository, made to be read in a diff.
public struct Baseline: Hashable, Sendable, Codable {
    /// The schema; its number changes when a key changes its meaning.
    public static let schema = "loopscope/baseline/1"
    /// Most bytes of a file.
    public static let sizeLimit = 1 << 20

    /// The schema's name.
    public var schema: String
    /// What it was made with.
    public var fingerprint: Fingerprint
    /// WebSockets that were opened.
    public var connections: Int
    /// Those of the rounds before the measured one; `nil` in a file of an earlier version.
    public var warmedUp: Int?
    /// Counts: these gate.
    public var counts: [String: Double]
    /// Times, CPU and memory: these inform.
    public var times: [String: Double]
    /// Codes and consumer classes of the findings.
    public var findings: [String]
    /// Distributions of latencies: counts by the least nanoseconds of their bucket.
    public var distributions: [String: [String: Int]]

    /// A baseline of a run.
    public init(
        _ readings: Readings, fingerprint: Fingerprint, findings: [String], clients: ClientTally
    ) {
        schema = Self.schema
        self.fingerprint = fingerprint
        connections = readings.connections
        warmedUp = readings.warmedUp
        counts = [:]
        times = [:]
        for (subject, value) in readings.values {
            if Self.isCount(subject) { counts[subject] = value } else { times[subject] = (value * 1e6).rounded() / 1e6 }
        }
        self.findings = findings.sorted()
        distributions = [
            "connect": Self.distribution(clients.connect.corrected),
            "latency": Self.distribution(clients.latency.corrected),
        ].filter { !$0.value.isEmpty }
    }

    /// Whether a subject counts things, and does not depend on the machine. How many messages fit into a phase does.
    static func isCount(_ subject: String) -> Bool {
        let name = subject.prefix { $0 != "{" }
        guard let metric = Metric.named(name) else { return false }
        return metric.unit == .count && !["messages.sent", "messages.received", "clients.opened"].contains(name)
    }

    private static func distribution(_ histogram: FineHistogram) -> [String: Int] {
        var buckets: [String: Int] = [:]
        for (floor, count) in histogram.buckets { buckets[String(floor)] = count }
        return buckets
    }

    /// As a file: keys in order, one to a line.
    public func file() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Reads a file.
    ///
    /// - Throws: an error when it is none, or one of a schema that is not known.
    public init(file data: Data) throws {
        self = try JSONDecoder().decode(Baseline.self, from: data.prefix(Self.sizeLimit))
        guard schema == Self.schema else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "its schema is \(schema.prefix(60)), not \(Self.schema)"))
        }
    }
}
