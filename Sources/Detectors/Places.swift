import Analysis
import Observations

/// How findings name the connections they are about.
enum Places {
    /// Most paths that are named in a sentence.
    private static let pathLimit = 4

    /// `on /ws/chat (3), /ws/news (2)`; `nil` when no path is known.
    static func sentence(_ instances: [ConsumerInstance]) -> String? {
        var counts: [String: Int] = [:]
        for path in instances.compactMap(\.path) { counts[path, default: 0] += 1 }
        guard !counts.isEmpty else { return nil }
        let sorted = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        let named = sorted.prefix(pathLimit).map { "\($0.key) (\($0.value.spaced))" }.joined(separator: ", ")
        return "on \(named)" + (sorted.count > pathLimit ? " and \(sorted.count - pathLimit) other paths" : "")
    }

    /// The connections themselves.
    static func connections(_ instances: [(pid: Int32, instance: ConsumerInstance)]) -> [Finding.Connection] {
        instances.prefix(Finding.connectionLimit).map {
            .init(pid: $0.pid, path: $0.instance.path, channel: $0.instance.channel)
        }
    }

    /// The pid that all have, or none.
    static func pid(_ pids: some Sequence<Int32>) -> Int32? {
        let all = Set(pids)
        return all.count == 1 ? all.first : nil
    }

    /// A class's name without its module.
    static func shortName(_ consumer: String) -> String {
        consumer.split(separator: ".").last.map(String.init) ?? consumer
    }
}

extension CodeLocation {
    /// Of who took a cancellation that came after the disconnect.
    var cancellationSentence: String {
        "cancelled after the disconnect, and went on: \(sentence) caught CancelledError"
            + (handlerLine.map { " at line \($0)" } ?? "")
    }

    /// What lets such a cancellation through.
    var cancellationFix: String {
        "re-raise the cancellation in \(function): `except asyncio.CancelledError: raise` before the `except` that takes it"
    }
}

extension Spell {
    /// The function it waits in, with the line of its `def`.
    var place: CodeLocation? {
        instance.waitingIn.map {
            CodeLocation(function: $0.function, file: $0.file, line: $0.definition ?? $0.line)
        }
    }

    /// `waiting at line 27 of Chat.disconnect for other code of the process: nothing in sight ends that`.
    var wait: String? {
        guard let frame = instance.waitingIn, frame.kind != .logical else { return nil }
        let line = frame.line.map { "line \($0) of " } ?? ""
        let reason =
            switch instance.wait {
            case .event?: " for other code of the process: no time limit is set"
            case .thread?: " for a thread's work"
            case .peer?: " for a peer or another package"
            case .timer?: " for a time to pass"
            case nil: ""
            }
        return "waiting at \(line)\(frame.function)\(reason)"
    }
}

extension [Spell] {
    /// Spells by consumer class, in the order of the classes' names.
    var byClass: [(consumer: String, spells: [Spell])] {
        Dictionary(grouping: self, by: \.instance.consumer).sorted { $0.key < $1.key }
            .map { (consumer: $0.key, spells: $0.value) }
    }

    var instances: [(pid: Int32, instance: ConsumerInstance)] { map { ($0.pid, $0.instance) } }

    /// The shortest of them, in words.
    var leastLength: String { (map(\.length).min() ?? .zero).seconds.spokenSeconds }
}
