import CPythonLayouts
import Observations
import TargetMemory

extension PythonTask {
    /// The number in a default name: `Task-17`.
    var number: Int? {
        switch label {
        case .number(let number): return number
        case .text(let name): return name.utf8.starts(with: "Task-".utf8) ? Int(name.dropFirst(5)) : nil
        }
    }
}

/// The newest task of a process, by its number. One thread.
struct NewestTask {
    private static let tries = 6

    /// The greatest number in a default name so far.
    private(set) var number = 0

    /// Makes sure of the name of a task that is newer than all before: its memory may have been another's, or be written at
    /// that moment. What is read twice is its name; else it has none.
    mutating func confirm(_ task: inout PythonTask, _ process: PythonProcess) {
        guard let claimed = task.number, claimed > number else { return }
        let live = ObjectReader(process.memory, layout: process.layout)
        for _ in 0..<Self.tries {
            let seen = [(try? live.task(task.address))??.label, (try? live.task(task.address))??.label]
            guard let label = seen[0], label == seen[1] else { continue }
            task.label = label
            number = max(number, task.number ?? 0)
            return
        }
        task.label = .text("")
    }
}

extension TaskGroup {
    /// Widens the span of numbers by one more task's; a group with a task that was given a name has none.
    mutating func note(number: Int?) {
        guard let number, let span = numbers else {
            numbers = nil
            return
        }
        numbers = min(span.lowerBound, number)...max(span.upperBound, number)
    }
}
