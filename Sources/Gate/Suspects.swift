public import Analysis
public import Observations

/// What there is more of than before, or who made it: a count that fails names it.
public struct Suspect: Hashable, Sendable {
    /// In words: `5 × TaskLeakConsumer.heartbeat`.
    public var text: String
    /// Where it is made, if that is known.
    public var location: CodeLocation?

    /// A suspect.
    public init(_ text: String, location: CodeLocation? = nil) { (self.text, self.location) = (text, location) }

    /// `5 × TaskLeakConsumer.heartbeat (chat/consumers/leaks.py:17)`
    public var sentence: String {
        guard let location, let file = location.file else { return text }
        return "\(text) (\(file)\(location.line.map { ":\($0)" } ?? ""))"
    }

    /// Most that are named for one count.
    static let limit = 3
}

extension Populations {
    /// Populations by what they are made of.
    public struct Kinds: Hashable, Sendable {
        /// A coroutine that tasks run.
        struct Coroutine: Hashable, Sendable {
            var name: String
            var place: CodeLocation?
        }

        /// Unfinished tasks by their coroutine.
        var tasks: [Coroutine: Int] = [:]
        /// Threads by their name without its number.
        var threads: [String: Int] = [:]
        /// Descriptors by what they lead to.
        var descriptors: [String: Int] = [:]
        /// Members of groups that are named.
        var groups: [String: Int] = [:]

        init(_ evidence: Evidence) {
            for group in evidence.tasks.flatMap(\.groups) where group.state != .finished {
                let place = group.stack.frames.first.flatMap { $0.file == nil ? nil : $0.place }
                tasks[Coroutine(name: group.name, place: place), default: 0] += group.count
            }
            for process in evidence.processes.map(\.last) {
                for thread in process.threads { threads[Self.stem(thread.name), default: 0] += 1 }
            }
            // Not every sample of a process counts kinds.
            for use in evidence.descriptors { descriptors.merge(use.last.descriptorKinds, uniquingKeysWith: +) }
            for group in evidence.lastCensuses.flatMap(\.layers).flatMap(\.groups) {
                groups[group.name, default: 0] += group.members
            }
        }

        /// `ThreadPoolExecutor-7_0` and `ThreadPoolExecutor-8_0` are of one kind.
        private static func stem(_ name: String) -> String {
            name.reduce(into: "") { stem, character in
                if !character.isNumber { stem.append(character) } else if stem.last != "#" { stem.append("#") }
            }
        }
    }

    /// What there is more of than in `earlier`, by metric.
    func suspects(since earlier: Populations) -> [String: [Suspect]] {
        var found: [String: [Suspect]] = [:]
        found["tasks.growth"] = Self.more(kinds.tasks, earlier.kinds.tasks) { coroutine, count in
            Suspect("\(count) × \(coroutine.name)", location: coroutine.place)
        }
        found["threads.growth"] = Self.more(kinds.threads, earlier.kinds.threads) { Suspect("\($1) × \($0)") }
        found["fds.growth"] = Self.more(kinds.descriptors, earlier.kinds.descriptors) { Suspect("\($1) × \($0)") }
        found["groups.growth"] = Self.more(kinds.groups, earlier.kinds.groups) { Suspect("\($1) in the group \($0)") }
        return found
    }

    private static func more<Kind: Hashable>(
        _ now: [Kind: Int], _ before: [Kind: Int], _ name: (Kind, Int) -> Suspect
    ) -> [Suspect]? {
        let grown = now.compactMap { kind, count -> (kind: Kind, more: Int)? in
            let more = count - (before[kind] ?? 0)
            return more > 0 ? (kind, more) : nil
        }
        let named = grown.map { (suspect: name($0.kind, $0.more), more: $0.more) }
            .sorted { ($0.more, $1.suspect.text) > ($1.more, $0.suspect.text) }.map(\.suspect)
        return named.isEmpty ? nil : Array(named.prefix(Suspect.limit))
    }
}

extension Evidence {
    /// Who makes event loops for single calls, by samples; `nil` when nobody was seen.
    public var makersOfLoops: [Suspect]? {
        let makers = bridges.compactMap { load in load.blame.map { Suspect($0.text, location: $0.frame.place) } }
        return makers.isEmpty ? nil : Array(makers.prefix(Suspect.limit))
    }

    /// Who makes event loops for single calls, and who decides over the end of consumers, by metric.
    var suspects: [String: [Suspect]] {
        var found: [String: [Suspect]] = [:]
        found["loops.per_request"] = makersOfLoops
        let stuck = ledger.entries.filter { $0.stuck ?? 0 > 0 }.compactMap { entry in
            entry.consumer.map { Suspect("\(entry.stuck ?? 0) × \($0)", location: override(of: $0)) }
        }
        if !stuck.isEmpty { found["consumers.stuck"] = Array(stuck.prefix(Suspect.limit)) }
        return found
    }
}
