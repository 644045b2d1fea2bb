import Scenarios
import Testing

@testable import Replay

@Suite("Numbered messages")
struct SequenceTrackerTests {
    @Test("are all there in whatever order they come, and each that comes again is one too many", arguments: 0..<50)
    func permutations(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let numbers = (1...20).shuffled(using: &generator)
        let again = numbers.prefix(Int.random(in: 0...20, using: &generator)).shuffled(using: &generator)
        var tracker = SequenceTracker()
        tracker.begin(at: 1)
        let steps = (numbers + again).map { tracker.take($0) }
        #expect(tracker.missing == 0 && tracker.last == 20)
        #expect(steps.reduce(0) { $0 + $1.lost } == 0)
        #expect(steps.reduce(0) { $0 + $1.duplicated } == again.count)
    }

    @Test("that are passed over are missing until they come")
    func gaps() {
        var tracker = SequenceTracker()
        #expect(tracker.last == 0 && !tracker.hasReached(0))
        #expect(tracker.take(7) == .init() && tracker.take(11) == .init(lost: 3))
        #expect(tracker.missing == 3 && tracker.last == 11 && tracker.hasReached(9))
        #expect(tracker.take(9) == .init(lost: -1) && tracker.take(9) == .init(duplicated: 1))
        #expect(tracker.missing == 2)
    }

    @Test("of a server that means harm cost bounded memory, and no number traps")
    func hostile() {
        var tracker = SequenceTracker()
        _ = tracker.take(NumberedMessages.bound.lowerBound)
        for number in stride(from: 0, to: 10_000, by: 2) { _ = tracker.take(number) }
        #expect(tracker.take(NumberedMessages.bound.upperBound).lost > 0 && tracker.missing > 0)
        for text in ["{\"n\": 1e300}", "{\"n\": 9007199254740993000}", "{\"n\": \"1\"}", "[]", "", "{\"n\": 1.5}"] {
            #expect(SequenceTracker.number("n", in: text) == nil, "\(text)")
        }
        #expect(SequenceTracker.number("n", in: "{\"n\": -3}") == -3)
    }
}
