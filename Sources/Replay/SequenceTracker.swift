import Foundation
import Scenarios

/// Follows a field that counts up by one in each message: what was lost, what came late, and what came twice. It survives a reconnect,
/// so a server that catches up is told from one that does not.
struct SequenceTracker {
    /// One more than the highest number seen.
    private var next: Int?
    /// What was passed over, in order.
    private var gaps: [ClosedRange<Int>] = []

    /// Most gaps that are remembered; what comes late out of an older one is taken for a duplicate.
    static let gapLimit = 1024

    /// The last number seen; 0 before the first.
    var last: Int { next.map { $0 - 1 } ?? 0 }

    /// Whether this number or a later one was seen, or is known to be past.
    func hasReached(_ number: Int) -> Bool { next.map { $0 > number } ?? false }

    /// How many numbers were passed over and have not come yet.
    var missing: Int { gaps.reduce(0) { $0 + $1.count } }

    /// What one message changes.
    struct Step: Hashable {
        /// Numbers passed over; -1 for one that comes late after all.
        var lost = 0
        var duplicated = 0
    }

    /// Says which number is due first, before any was seen.
    mutating func begin(at first: Int) { next = next ?? first }

    /// Takes a message's number, which is within `NumberedMessages.bound`.
    mutating func take(_ number: Int) -> Step {
        guard let due = next else {
            next = number + 1
            return Step()
        }
        guard number < due else {
            next = number + 1
            guard number > due else { return Step() }
            if gaps.count == Self.gapLimit { gaps.removeFirst() }
            gaps.append(due...(number - 1))
            return Step(lost: number - due)
        }
        guard let place = gaps.firstIndex(where: { $0.contains(number) }) else { return Step(duplicated: 1) }
        let gap = gaps[place]
        let rest = [(gap.lowerBound, number - 1), (number + 1, gap.upperBound)].filter { $0.0 <= $0.1 }.map {
            $0.0...$0.1
        }
        gaps.replaceSubrange(place...place, with: rest)
        return Step(lost: -1)
    }

    /// The whole number in a field of a JSON object; `nil` when there is none within bounds.
    static func number(_ field: String, in text: String) -> Int? {
        guard text.utf8.count <= 1 << 20,
            let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
            let number = object[field] as? Int, NumberedMessages.bound.contains(number)
        else { return nil }
        return number
    }
}
