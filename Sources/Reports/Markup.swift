import Observations

extension String {
    /// The text as it may stand in an element or in a quoted attribute of HTML, SVG or XML: markup is text, what a
    /// terminal or a page would obey is visible, at most `limit` characters.
    func markup(limit: Int = 512) -> String {
        var text = ""
        for scalar in plain(limit: limit).unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&#39;"
            // Not characters of XML 1.0.
            case "\u{FFFE}", "\u{FFFF}": text += "\u{FFFD}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
