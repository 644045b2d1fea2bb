import Observations

/// A task's name, and the place that started it: what a finding points at when the task is forgotten.
package struct TaskOrigin: Sendable {
    /// The name.
    package let name: String
    /// The function, `connect()`, as `#function` has it.
    let function: StaticString
    /// The file, as `#filePath` has it.
    let file: StaticString
    /// The line.
    let line: UInt

    /// An origin.
    package init(name: String, function: StaticString, file: StaticString, line: UInt) {
        self.name = name
        self.function = function
        self.file = file
        self.line = line
    }

    /// The place as a frame of an instance of `consumer`; `connect()` and `handle(_:)` are named as the methods of a class are
    /// elsewhere.
    func frame(in consumer: String) -> Frame {
        let method = function.description.prefix { $0 != "(" }
        let type = consumer.split(separator: ".").last ?? consumer[...]
        return Frame(
            kind: .logical, function: "\(type).\(method)", file: file.description, line: Int(clamping: line))
    }
}

extension TaskOrigin: Hashable {
    /// The same name and place.
    package static func == (one: TaskOrigin, other: TaskOrigin) -> Bool {
        one.name == other.name && one.line == other.line && one.file.description == other.file.description
    }

    /// Hashes name and line: two files rarely start tasks of one name on one line.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(line)
    }
}

extension TaskOrigin: Comparable {
    /// By name, then by line.
    package static func < (one: TaskOrigin, other: TaskOrigin) -> Bool {
        (one.name, one.line) < (other.name, other.line)
    }
}
