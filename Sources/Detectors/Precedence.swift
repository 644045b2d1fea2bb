import Analysis

/// One cause, one finding: which finding of a consumer class wins, and which become evidence under it.
public enum Precedence {
    /// For each code, the codes whose findings on the same consumer class are consequences of it.
    public static let consequences: [String: [String]] = [
        "LS004": ["LS001", "LS002", "LS003", "LS101", "LS401", "LS501", "LS602", "LS801"],
        "LS001": ["LS002", "LS003", "LS101", "LS401", "LS501", "LS602", "LS801"],
        "LS002": ["LS003", "LS101", "LS401", "LS501", "LS801"],
        "LS003": ["LS101", "LS401", "LS801"],
        "LS006": ["LS101", "LS401"],
        "LS201": ["LS801"],
        "LS502": ["LS501", "LS801"],
    ]

    /// Folds consequences into their cause's evidence.
    static func resolve(_ findings: [Finding]) -> [Finding] {
        var kept: [Finding] = []
        for finding in findings {
            let isConsequence = findings.contains { cause in
                cause.consumer != nil && cause.consumer == finding.consumer && cause.code != finding.code
                    && consequences[cause.code]?.contains(finding.code) == true
            }
            if !isConsequence { kept.append(finding) }
        }
        for index in kept.indices {
            let cause = kept[index]
            for finding in findings
            where finding.consumer == cause.consumer && consequences[cause.code]?.contains(finding.code) == true {
                kept[index].evidence += finding.evidence.filter { !kept[index].evidence.contains($0) }
            }
        }
        return kept
    }
}
