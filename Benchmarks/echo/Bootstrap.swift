import Glibc

/// What several launches say of how much quicker one kind of process is than another, and how sure that is.
///
/// A turn is held against the others of its round, a process against the others of its launch; each by medians, so that a turn in
/// which the machine was busy elsewhere says nothing. Rounds of one launch are alike, since they share where its processes
/// lie. So for the interval launches are drawn, and then blocks of the rounds of each (a hierarchical block bootstrap), two
/// rounds to a block, since the machine's speed outlasts one.
struct Bootstrap {
    /// The processes of a launch, by kind, and the logarithm of what each of them did in each round.
    struct Launch {
        let kinds: [Int]
        /// By process, then by round: what it did beyond the median of its round.
        private let beyond: [[Double]]
        var rounds: Int { beyond.first?.count ?? 0 }

        init(kinds: [Int], values: [[Double]]) {
            self.kinds = kinds
            let logarithms = values.map { $0.map { log($0) } }
            let rounds = logarithms.first?.indices ?? 0..<0
            let middles = rounds.map { round in median(logarithms.map { $0[round] }) }
            beyond = logarithms.map { zip($0, middles).map { $0 - $1 } }
        }

        /// What kind `one` did to what the kinds `others` did, as a logarithm, in these rounds.
        func difference(_ one: Int, to others: [Int], in rounds: [Int]) -> Double {
            let processes = beyond.map { process in median(rounds.map { process[$0] }) }
            func mean(_ wanted: [Int]) -> Double {
                let found = zip(kinds, processes).filter { wanted.contains($0.0) }.map(\.1)
                return found.reduce(0, +) / Double(found.count)
            }
            return mean([one]) - mean(others)
        }
    }

    private static let draws = 2000
    private static let block = 2
    let launches: [Launch]

    /// Of each launch: what kind `one` did to what the kinds `others` did.
    func ratios(_ one: Int, to others: [Int]) -> [Double] {
        launches.map { exp($0.difference(one, to: others, in: Array(0..<$0.rounds))) }
    }

    /// The 95 % interval of their median. The same for the same numbers.
    func interval(_ one: Int, to others: [Int]) -> (low: Double, high: Double) {
        var chance = Chance()
        let medians = (0..<Self.draws).map { _ in
            median(
                launches.map { _ in
                    let launch = launches[chance.next(below: launches.count)]
                    return exp(launch.difference(one, to: others, in: Self.draw(launch.rounds, &chance)))
                })
        }.sorted()
        return (medians[Self.draws / 40], medians[Self.draws - 1 - Self.draws / 40])
    }

    private static func draw(_ rounds: Int, _ chance: inout Chance) -> [Int] {
        var drawn: [Int] = []
        while drawn.count < rounds {
            let first = chance.next(below: rounds)
            for step in 0..<block { drawn.append((first + step) % rounds) }
        }
        return Array(drawn.prefix(rounds))
    }

    /// Knuth's linear congruential generator (MMIX).
    private struct Chance {
        private var state: UInt64 = 7

        mutating func next(below limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
    }
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
