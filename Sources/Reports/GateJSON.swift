import Analysis
public import Gate
import Observations
import Scenarios

/// A gate's verdict as JSON, schema `loopscope/gate/1` (docs/formats/gate.schema.json).
public enum GateJSON {
    /// The name of the schema.
    public static let schema = "loopscope/gate/1"

    /// The verdict.
    ///
    /// - Parameters:
    ///   - status: how it went, in a word or two.
    ///   - exitCode: the process's exit code.
    public static func value(
        _ verdict: GateVerdict, name: String, status: String, exitCode: Int, fingerprint: Fingerprint
    ) -> JSONValue {
        [
            "schema": .string(schema), "scenario": .string(name), "status": .string(status),
            "exit_code": .int(exitCode),
            "fingerprint": [
                "tool": .string(fingerprint.tool), "scenario": .string(fingerprint.scenario),
                "mode": .string(fingerprint.mode), "server": .string(fingerprint.server),
                "grade": .string(fingerprint.grade), "kernel": .string(fingerprint.kernel),
                "cores": .int(fingerprint.cores),
            ],
            "rules": .array(
                verdict.entries.map { entry in
                    [
                        "subject": .string(entry.subject), "unit": .string(entry.unit.rawValue),
                        "value": JSONValue(entry.value, places: 6), "baseline": JSONValue(entry.baseline, places: 6),
                        "demand": .string(entry.demand), "outcome": .string(entry.outcome.rawValue),
                        "suspects": .array(
                            entry.suspects.map { suspect in
                                [
                                    "text": .string(suspect.text), "file": JSONValue(suspect.location?.file),
                                    "line": JSONValue(suspect.location?.line),
                                ]
                            }),
                    ]
                }),
            "findings": .array(verdict.findings.map(JSONReport.finding)),
            "suppressed": .array(
                verdict.suppressed.map { borne in
                    [
                        "code": .string(borne.finding.code), "consumer": JSONValue(borne.finding.consumer),
                        "reason": .string(borne.by.reason), "until": .string(borne.by.until.description),
                    ]
                }),
            "expired": .array(
                verdict.expired.map { ["code": .string($0.code), "until": .string($0.until.description)] }),
            "undecided": .array(verdict.undecided.map(JSONValue.string)),
            "remarks": .array(verdict.remarks.map(JSONValue.string)),
        ]
    }
}
