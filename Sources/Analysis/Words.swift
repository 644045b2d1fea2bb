/// Numbers as people read them: used by findings and by reports alike.
extension Int {
    /// With a space for each thousand: `11 840`.
    public var spaced: String {
        let digits = Array(String(magnitude))
        var text = self < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += " " }
            text.append(digit)
        }
        return text
    }

    /// `1 consumer`, `3 consumers`.
    public func counted(_ noun: String) -> String { "\(spaced) \(noun)\(self == 1 ? "" : "s")" }
}

extension Double {
    /// Seconds in words: `0.4 s`, `14 min`, `3 h`.
    public var spokenSeconds: String {
        switch self {
        case ..<0: "0 s"
        case ..<10: "\((self * 10).rounded() / 10) s"
        case ..<120: "\(Int(self)) s"
        case ..<7200: "\(Int(self / 60)) min"
        default: self < 1e12 ? "\(Int(self / 3600)) h" : "ages"
        }
    }
}
