import Analysis
public import Gate
import Observations
import Scenarios

/// A gate's verdict as JUnit XML: a test case for each rule and for each finding, as CI systems show them.
///
/// The form is that of Jenkins' and the Maven Surefire plugin's schema.
public enum GateJUnit {
    /// The document.
    public static func text(_ verdict: GateVerdict, name: String) -> String {
        let rules = verdict.entries.filter { $0.outcome != .informs }
        let failures = rules.filter { $0.outcome == .failed }.count + verdict.findings.count + verdict.expired.count
        let skipped = rules.filter { $0.outcome == .unmeasured }.count
        let total = rules.count + verdict.findings.count + verdict.expired.count
        var lines = [
            #"<?xml version="1.0" encoding="UTF-8"?>"#, "<testsuites>",
            "  <testsuite name=\"\(name.xml)\" tests=\"\(total)\" failures=\"\(failures)\" errors=\"0\" skipped=\"\(skipped)\">",
        ]
        for finding in verdict.findings {
            let title = "\(finding.code) \(finding.title)" + (finding.consumer.map { " \($0)" } ?? "")
            let body = (finding.place + finding.evidence + ["fix: " + finding.fix]).joined(separator: "\n")
            lines.append(failure("findings", title, finding.summary, body))
        }
        for expired in verdict.expired {
            lines.append(failure("suppressions", expired.code, "expired on \(expired.until)", expired.reason))
        }
        for entry in rules {
            switch entry.outcome {
            case .failed: lines.append(failure("rules", entry.subject, entry.sentence, entry.sentence))
            case .unmeasured:
                lines.append(
                    "    <testcase classname=\"rules\" name=\"\(entry.subject.xml)\"><skipped message=\"could not be measured\"/></testcase>"
                )
            case .passed, .informs:
                lines.append("    <testcase classname=\"rules\" name=\"\(entry.subject.xml)\"/>")
            }
        }
        return (lines + ["  </testsuite>", "</testsuites>", ""]).joined(separator: "\n")
    }

    private static func failure(_ group: String, _ name: String, _ message: String, _ body: String) -> String {
        "    <testcase classname=\"\(group)\" name=\"\(name.xml)\">"
            + "<failure message=\"\(message.xml)\">\(body.xml)</failure></testcase>"
    }
}

extension Finding {
    /// `chat/consumers.py:41 ChatConsumer.dispatch`, if it is known.
    var place: [String] {
        guard let location else { return [] }
        let line = location.line.map { ":\($0)" } ?? ""
        return ["\(location.file ?? "?")\(line) \(location.function)"]
    }

    /// What is wrong and where, in a line.
    var summary: String {
        ([title + (consumer.map { " in \($0)" } ?? "")] + place).joined(separator: ", ")
    }
}

extension String {
    /// Escaped for XML 1.0: what may not stand in a document at all (§2.2) becomes `?`.
    var xml: String {
        var out = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "&": out += "&amp;"
            case "<": out += "&lt;"
            case ">": out += "&gt;"
            case "\"": out += "&quot;"
            case "\n": out += "&#10;"
            case "\t": out += " "
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: out += "?"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
