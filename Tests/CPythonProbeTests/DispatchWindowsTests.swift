import Foundation
import Observations
import Testing

@testable import CPythonProbe

/// How often consumers are dispatched, out of looks at the numbers of their receive tasks.
@Suite("Dispatches by looks")
struct DispatchWindowsTests {
    /// Numbers that are the same in each run.
    private struct Dice: RandomNumberGenerator {
        var state: UInt64 = 41
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 33
        }
    }

    /// How the time between two dispatches varies.
    enum Gaps: String, CaseIterable { case regular, random, bursts }

    /// A process in which consumers of some classes are dispatched; asks the number of each one's task now.
    private struct Process {
        struct Consumer {
            var gap: Double
            var due = 0.0
            var number = 0
        }
        var consumers: [Consumer]
        var gaps: Gaps
        var now = 0.0
        var made = 0
        var dice = Dice()

        /// Goes on for so many seconds.
        mutating func run(_ seconds: Double) {
            let end = now + seconds
            while let next = consumers.indices.min(by: { consumers[$0].due < consumers[$1].due }),
                consumers[next].due < end
            {
                now = consumers[next].due
                made += 1
                consumers[next].number = made
                let mean = consumers[next].gap
                switch gaps {
                case .regular: consumers[next].due += mean
                case .random: consumers[next].due -= mean * log(Double.random(in: 1e-9..<1, using: &dice))
                case .bursts: consumers[next].due += made % 16 == 0 ? mean * 8.5 : mean / 2
                }
            }
            now = end
        }
    }

    @Test(
        "each class has its rate, whether one is dispatched often or seldom, regularly or not",
        arguments: Gaps.allCases, [[20_000, 500], [3_000, 2_000], [500, 100], [15_000, 4_000, 30]] as [[Double]])
    func rates(gaps: Gaps, rates: [Double]) throws {
        let each = 3
        var process = Process(
            consumers: rates.flatMap { rate in (0..<each).map { _ in Process.Consumer(gap: Double(each) / rate) } },
            gaps: gaps)
        for place in process.consumers.indices {
            process.consumers[place].due =
                process.consumers[place].gap * Double(place) / Double(process.consumers.count)
        }
        var classes = rates.indices.map { WatchedClass(consumer: "\($0)", spinning: each, slots: [1, 2, 3]) }
        for _ in 0..<400 {
            process.run(0.03)
            var before: Double?
            for pause in [0, 60, 210, 510, 1_410, 4_110] {
                process.run(Double(pause) / 1e6)
                for place in classes.indices {
                    let numbers = process.consumers[place * each..<(place + 1) * each].map(\.number)
                    classes[place].note(
                        numbers, after: before.map { Nanoseconds(Int64((process.now - $0) * 1e9)) })
                }
                before = process.now
            }
        }
        let counts = WatchedClass.counts(of: classes, tasksPerSecond: Double(process.made) / process.now)
        for (place, rate) in rates.enumerated() {
            let found = try #require(counts["\(place)"]?.perSecondEach) * Double(each)
            #expect(0.6 * rate...1.5 * rate ~= found, "\(rate): \(found)")
        }
    }

    @Test("of a class that could not be looked at, nobody's rate is known")
    func notSeen() {
        var seen = WatchedClass(consumer: "a", spinning: 1, slots: [1])
        let unseen = WatchedClass(consumer: "b", spinning: 1, slots: [1])
        for number in 0..<64 { seen.note([number], after: .microseconds(100)) }
        #expect(WatchedClass.counts(of: [seen, unseen], tasksPerSecond: 1000).isEmpty)
        #expect(WatchedClass.counts(of: [seen], tasksPerSecond: 1000)["a"]?.perSecondEach == 1000)
    }

    @Test("two classes that are dispatched too often for any look share the tasks by their instances")
    func shared() throws {
        var classes = [1, 3].map { count in
            WatchedClass(consumer: "\(count)", spinning: count, slots: (0..<count).map { UInt64($0) })
        }
        for number in 0..<64 {
            for place in classes.indices {
                classes[place].note(classes[place].slots.map { _ in number }, after: .microseconds(100))
            }
        }
        let counts = WatchedClass.counts(of: classes, tasksPerSecond: 8000)
        #expect(counts.mapValues { ($0.perSecondEach ?? 0).rounded() } == ["1": 2000, "3": 2000])
    }
}
