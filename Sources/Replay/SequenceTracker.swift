import Foundation

/// Follows a field that counts up by one in each message: what was lost, and what came twice. It survives a reconnect,
/// so a server that catches up is told from one that does not.
struct SequenceTracker {
    private var expected: Int?

    /// The last number seen; 0 before the first.
    var last: Int { expected.map { $0 &- 1 } ?? 0 }

    /// What one message says.
    struct Step: Hashable {
        var lost = 0
        var duplicated = 0
    }

    /// Takes a message's number.
    mutating func take(_ number: Int) -> Step {
        guard let next = expected else {
            expected = number &+ 1
            return Step()
        }
        if number < next { return Step(duplicated: 1) }
        expected = number &+ 1
        return Step(lost: number &- next)
    }

    /// The whole number in a field of a JSON object; `nil` when there is none.
    static func number(_ field: String, in text: String) -> Int? {
        guard text.utf8.count <= 1 << 20,
            let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        else { return nil }
        return object[field] as? Int
    }
}
