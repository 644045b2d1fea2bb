extension String {
    /// The text with everything a terminal could obey made visible: control characters, escapes, line ends, and the
    /// marks that turn text around (bidirectional overrides). At most `limit` characters.
    ///
    /// Names come from the target and are hostile: a class may be called `\u{1B}[2J`.
    public func plain(limit: Int = 512) -> String {
        var text = ""
        var count = 0
        for scalar in unicodeScalars {
            if count == limit {
                text += "…"
                break
            }
            count += 1
            if scalar.isObeyedByTerminals {
                text += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension Unicode.Scalar {
    /// Whether a terminal would do something else than show it, or show nothing: controls, and marks that turn text.
    public var isObeyedByTerminals: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0: true  // C0, DEL, C1
        case 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: true  // invisible or turning marks
        default: false
        }
    }
}
