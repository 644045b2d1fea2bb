/// Why a scenario cannot be played: what is wrong, where, and what to do.
public struct ScenarioError: Error, Hashable, Sendable {
    /// What is wrong.
    public var what: String
    /// What to do about it; `nil` where the first says all.
    public var remedy: String?
    /// Line, from 1.
    public var line: Int
    /// Column, from 1.
    public var column: Int

    /// An error at a place.
    public init(_ what: String, remedy: String? = nil, line: Int, column: Int) {
        self.what = what
        self.remedy = remedy
        self.line = line
        self.column = column
    }
}

/// The nearest of some words to a mistyped one, for "did you mean".
func nearest(to word: String, among words: [String]) -> String? {
    let candidates = words.map { (word: $0, distance: editDistance(word, $0)) }
    guard let best = candidates.min(by: { $0.distance < $1.distance }) else { return nil }
    return best.distance <= max(2, word.count / 3) ? best.word : nil
}

/// Insertions, deletions and substitutions from one word to another; only the first 64 characters count.
func editDistance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.prefix(64)), Array(right.prefix(64)))
    var row = Array(0...right.count)
    for (i, a) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in right.enumerated() {
            let substitution = diagonal + (a == b ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substitution, row[j] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
