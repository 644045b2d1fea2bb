import Analysis
public import Gate
import Observations
import Scenarios

/// A gate's verdict as GitHub's workflow commands: annotations at the lines to blame.
public enum GateGitHub {
    /// Most annotations that GitHub shows of one kind and step.
    static let annotationLimit = 10

    /// The commands, one to a line, worst first.
    public static func annotations(_ verdict: GateVerdict, root: String) -> String {
        let findings = verdict.findings.map { finding -> String in
            var fields = ["title=\(property("\(finding.code) \(finding.title)"))"]
            if let location = finding.location, let file = location.file {
                let prefix = root.hasSuffix("/") ? root : root + "/"
                let path = file.hasPrefix(prefix) ? String(file.dropFirst(prefix.count)) : file
                fields.insert("file=\(property(path))", at: 0)
                if let line = location.line { fields.insert("line=\(line)", at: 1) }
            }
            let text = ([finding.summary] + finding.evidence + ["fix: " + finding.fix]).joined(separator: "\n")
            return
                "::\(finding.severity >= .high ? "error" : "warning") \(fields.joined(separator: ","))::\(message(text))"
        }
        let rules = verdict.entries.filter { $0.outcome == .failed }.map { entry in
            "::error title=\(property(entry.subject))::\(message(entry.sentence))"
        }
        let expired = verdict.expired.map {
            "::error title=\($0.code)::\(message("the suppression expired on \($0.until)"))"
        }
        return ((findings + expired + rules).prefix(annotationLimit) + [""]).joined(separator: "\n")
    }

    private static func message(_ text: String) -> String {
        text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
    }

    private static func property(_ text: String) -> String {
        message(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}
