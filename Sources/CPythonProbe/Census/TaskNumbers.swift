import CPythonLayouts
import Observations

extension PythonTask {
    /// The number in a default name: `Task-17`.
    var number: Int? { label.number }
}

extension PythonTask.Label {
    /// The number in a default name: `Task-17`.
    var number: Int? {
        switch self {
        case .number(let number): return number
        case .text(let name):
            guard name.utf8.starts(with: "Task-".utf8), let number = Int(name.dropFirst(5)) else { return nil }
            return PythonTask.numbers.contains(number) ? number : nil
        }
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
