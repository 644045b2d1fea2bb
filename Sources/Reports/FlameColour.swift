import Analysis
import Observations

/// The colour of a box: a hue for the kind of code, shaded by the name, the same in every graph and in every run.
///
/// `FlameScript` computes the same: change both.
enum FlameColour {
    /// Hue, saturation and lightness (per cent) on a light page.
    static func hsl(_ frame: Frame) -> (hue: Int, saturation: Int, lightness: Int) {
        let hash = Int(fnv1a(frame.function))
        let base =
            switch frame.kind {
            case .logical: 256
            case .python: frame.isLibrary ? 205 : 28
            case .native: 160
            }
        let saturation = frame.kind == .python && !frame.isLibrary ? 78 : 42
        return (base + hash % 25 - 12, saturation, 72 + hash / 25 % 9)
    }

    static func css(_ frame: Frame) -> String {
        let colour = hsl(frame)
        return "hsl(\(colour.hue),\(colour.saturation)%,\(colour.lightness)%)"
    }

    /// FNV-1a over UTF-8, 32 bits.
    static func fnv1a(_ text: String) -> UInt32 {
        text.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }
}

extension Frame {
    /// Whether the frame is of the interpreter, of an installed package or of a toolchain, as far as its path tells.
    var isLibrary: Bool { !isApplication }
}
