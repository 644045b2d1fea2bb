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
            let text = ([finding.summary] + finding.evidence + ["fix: " + finding.fix]).joined(separator: "\n")
            return command(
                finding.severity >= .high ? "error" : "warning", finding.location, root,
                title: "\(finding.code) \(finding.title)", text)
        }
        // A count that a finding explains would only take the place of another annotation.
        let told = Set(verdict.findings.compactMap(\.location?.file))
        let rules = verdict.entries.filter { entry in
            entry.outcome == .failed && (told.isEmpty || entry.location?.file.map { !told.contains($0) } ?? false)
        }.map { entry in
            command("error", entry.location, root, title: entry.subject, entry.sentence)
        }
        let expired = verdict.expired.map {
            command("error", nil, root, title: $0.code, "the suppression expired on \($0.until)")
        }
        // Errors first: the limit is of each kind, and what is cut is the end.
        let all = (findings + expired + rules)
        let kept = ["::error ", "::warning "].flatMap { kind in
            all.filter { $0.hasPrefix(kind) }.prefix(annotationLimit)
        }
        return (kept + [""]).joined(separator: "\n")
    }

    private static func command(
        _ kind: String, _ location: CodeLocation?, _ root: String, title: String, _ text: String
    ) -> String {
        var fields: [String] = []
        if let location, let file = location.file {
            fields.append("file=\(property(file.below(root)))")
            if let line = location.line { fields.append("line=\(line)") }
        }
        fields.append("title=\(property(title))")
        return "::\(kind) \(fields.joined(separator: ","))::\(message(text))"
    }

    private static func message(_ text: String) -> String {
        text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
    }

    private static func property(_ text: String) -> String {
        message(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}

extension String {
    /// This path relative to a folder, where it lies below it.
    func below(_ root: String) -> String {
        let prefix = root.hasSuffix("/") ? root : root + "/"
        return hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
    }
}
