public import Observations

/// Tasks of one coroutine of the application that belong to no consumer: how many there were over time.
public struct Crowd: Hashable, Sendable {
    /// The process.
    public var pid: Int32
    /// The coroutine's qualified name.
    public var name: String
    /// Where it is defined.
    public var location: CodeLocation
    /// How many there were in the first census.
    public var first: Int
    /// How many there are in the last.
    public var last: Int
    /// The fewest there were in any census of the last four seconds.
    public var held: Int
    /// How long they were watched.
    public var length: Nanoseconds
    /// Lowest and highest number in their default names, if all have one.
    public var numbers: ClosedRange<Int>?
    /// Whether the oldest of them was already there when the last four seconds began: a crowd whose tasks come and go is
    /// work in progress. Told by their numbers; `false` when they have none.
    public var isOld: Bool
    /// Where they wait.
    public var waitingIn: Frame?
    /// How it was obtained.
    public var grade: Grade

    /// Whether they were created one right after another: what a pool of workers looks like.
    public var areConsecutive: Bool { numbers.map { $0.count <= last } ?? false }

    /// For how long a crowd must hold.
    public static let patience = Nanoseconds.seconds(4)

    private struct Key: Hashable {
        var name: String
        var file: String?
    }

    /// Finds them in the censuses of a session; those that are gone in the last census are left out.
    static func find(in censuses: [TaskCensus]) -> [Crowd] {
        Dictionary(grouping: censuses, by: \.pid).sorted { $0.key < $1.key }.flatMap { find(inOneProcess: $0.value) }
    }

    private static func find(inOneProcess censuses: [TaskCensus]) -> [Crowd] {
        guard let first = censuses.first, let last = censuses.last else { return [] }
        // The census that began the last four seconds belongs to them.
        let begin = censuses.last { last.time - $0.time >= patience } ?? first
        let recent = censuses.filter { $0.time >= begin.time }.map(counts)
        let (before, then, now) = (counts(first), counts(begin), counts(last))
        return now.map { key, group in
            Crowd(
                pid: last.pid, name: key.name,
                location: CodeLocation(function: key.name, file: key.file, line: group.stack.frames.first?.definition),
                first: before[key]?.count ?? 0, last: group.count,
                held: recent.map { $0[key]?.count ?? 0 }.min() ?? 0, length: last.time - begin.time,
                numbers: group.numbers,
                isOld: group.numbers.map { $0.lowerBound == then[key]?.numbers?.lowerBound } ?? false,
                waitingIn: group.stack.frames.last { $0.isApplication }, grade: last.grade)
        }.sorted { ($0.held, $1.name) > ($1.held, $0.name) }
    }

    /// The application's coroutines, all their groups together.
    private static func counts(_ census: TaskCensus) -> [Key: TaskGroup] {
        var counts: [Key: TaskGroup] = [:]
        for group in census.groups where group.consumer == nil && group.state != .finished {
            guard let outermost = group.stack.frames.first, outermost.isApplication else { continue }
            let key = Key(name: group.name, file: outermost.file)
            guard var sum = counts[key] else {
                counts[key] = group
                continue
            }
            sum.count += group.count
            if let mine = sum.numbers, let more = group.numbers {
                sum.numbers = min(mine.lowerBound, more.lowerBound)...max(mine.upperBound, more.upperBound)
            } else {
                sum.numbers = nil
            }
            counts[key] = sum
        }
        return counts
    }
}
