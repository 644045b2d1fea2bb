import Analysis
public import Gate
import Observations
import Scenarios

/// A gate's verdict as SARIF 2.1.0 (OASIS): code scanning shows each finding at the line of the consumer to blame.
public enum GateSARIF {
    /// Most results that are written: what GitHub shows.
    static let resultLimit = 5000

    /// The document.
    ///
    /// - Parameters:
    ///   - tool: our own version.
    ///   - root: the folder that files are shown relative to.
    public static func value(_ verdict: GateVerdict, tool: String, root: String) -> JSONValue {
        let suppressed = verdict.suppressed.map { result($0.finding, root, reason: $0.by.reason) }
        let results = verdict.findings.map { result($0, root, reason: nil) } + suppressed + broken(verdict, root)
        let all = verdict.findings + verdict.suppressed.map(\.finding)
        var codes: [String: Finding] = [:]
        for finding in all where codes[finding.code] == nil { codes[finding.code] = finding }
        var rules = codes.sorted { $0.key < $1.key }.map { code, finding -> JSONValue in
            [
                "id": .string(code), "name": .string(finding.title),
                "shortDescription": ["text": .string(finding.title)], "help": ["text": .string(finding.fix)],
            ]
        }
        rules.append(["id": "budget", "shortDescription": ["text": "a budget or a baseline was exceeded"]])
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
            "runs": [
                [
                    "tool": ["driver": ["name": "loopscope", "version": .string(tool), "rules": .array(rules)]],
                    "results": .array(Array(results.prefix(resultLimit))),
                ]
            ],
        ]
    }

    private static func result(_ finding: Finding, _ root: String, reason: String?) -> JSONValue {
        let text = ([finding.summary] + finding.evidence + ["fix: " + finding.fix]).joined(separator: "\n")
        var entries: [(String, JSONValue)] = [
            ("ruleId", .string(finding.code)), ("level", .string(finding.severity >= .high ? "error" : "warning")),
            ("message", ["text": .string(text)]),
            ("partialFingerprints", ["consumer": .string("\(finding.code) \(finding.consumer ?? "")")]),
        ]
        entries += places(finding.location, root)
        if let reason { entries.append(("suppressions", [["kind": "external", "justification": .string(reason)]])) }
        return JSONValue.object([]).adding(entries)
    }

    private static func broken(_ verdict: GateVerdict, _ root: String) -> [JSONValue] {
        verdict.entries.filter { $0.outcome == .failed }.map { entry in
            JSONValue.object([
                ("ruleId", "budget"), ("level", "error"), ("message", ["text": .string(entry.sentence)]),
                ("partialFingerprints", ["subject": .string(entry.subject)]),
            ]).adding(places(entry.location, root))
        }
    }

    private static func places(_ location: CodeLocation?, _ root: String) -> [(String, JSONValue)] {
        guard let location, let file = location.file else { return [] }
        var place: JSONValue = ["artifactLocation": ["uri": .string(uri(file, root))]]
        if let line = location.line, line > 0 { place = place.adding([("region", ["startLine": .int(line)])]) }
        return [("locations", [["physicalLocation": place]])]
    }

    /// A path relative to `root` where it lies below it, percent-encoded (RFC 3986 §2.1).
    static func uri(_ file: String, _ root: String) -> String {
        let path = file.below(root)
        let hex = Array("0123456789ABCDEF")
        let encoded = path.utf8.map { byte -> String in
            let scalar = UnicodeScalar(byte)
            let isPlain = byte < 0x80 && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            return isPlain || "-._~/".unicodeScalars.contains(scalar)
                ? String(scalar) : "%\(hex[Int(byte >> 4)])\(hex[Int(byte & 15)])"
        }.joined()
        return path.hasPrefix("/") ? "file://" + encoded : encoded
    }
}
