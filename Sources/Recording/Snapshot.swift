import GRDB
import Observations

/// One state of a recording, for the length of one read. Loads frames, stacks and child rows once, when first asked for.
final class Snapshot {
    private let database: Database
    private var frames: [Int64: Frame]?
    private var stacks: [Int64: StackTrace]?
    private var children: [String: Any] = [:]

    init(_ database: Database) { self.database = database }

    /// All rows of a kind, in the order they were made.
    func all<Value: StoredRow>(_ kind: Value.Type = Value.self) throws -> [Value] {
        var values: [Value] = []
        try each { (value: Value, _) in values.append(value) }
        return values
    }

    private func each<Value: StoredRow>(_ body: (Value, RowReader) throws -> Void) throws {
        let query = try PreparedStatement(Value.selection, in: database)
        while let row = try query.step() {
            var reader = try RowReader(row, as: Value.self, in: self)
            try body(try Value(from: &reader), reader)
        }
    }

    /// The integers of the single row a query gives.
    func integers(_ sql: String) throws -> [Int64?] {
        guard let row = try PreparedStatement(sql, in: database).step() else { return [] }
        var integers: [Int64?] = []
        for column in 0..<row.count {
            guard let value = Int64?(cell: row.cell(column)) else { throw Damage(table: sql, column: Int(column)) }
            integers.append(value)
        }
        return integers
    }

    /// The rows under a parent, in the order they were made.
    func children<Child: StoredRow>(of parent: Int64) throws -> [Child] {
        if let loaded = children[Child.table] as? [Int64: [Child]] { return loaded[parent] ?? [] }
        var loaded: [Int64: [Child]] = [:]
        try each { (child: Child, row) in loaded[row.parent, default: []].append(child) }
        children[Child.table] = loaded
        return loaded[parent] ?? []
    }

    /// A frame by its id.
    func frame(_ id: Int64) throws -> Frame? { try loadedFrames()[id] }

    /// A stack by its id.
    func stack(_ id: Int64) throws -> StackTrace? {
        if let stacks { return stacks[id] }
        let frames = try loadedFrames()
        var loaded: [Int64: StackTrace] = [:]
        let heads = try PreparedStatement("SELECT id FROM stacks", in: database)
        while let row = try heads.step() {
            guard case .integer(let stack) = row.cell(0) else { throw Damage(table: "stacks", column: 0) }
            loaded[stack] = StackTrace([])
        }
        let members = try PreparedStatement(
            "SELECT stack, frame FROM stack_frames ORDER BY stack, position", in: database)
        while let row = try members.step() {
            guard case .integer(let stack) = row.cell(0), case .integer(let id) = row.cell(1), let frame = frames[id]
            else { throw Damage(table: "stack_frames", column: 1) }
            loaded[stack]?.frames.append(frame)
        }
        stacks = loaded
        return loaded[id]
    }

    private func loadedFrames() throws -> [Int64: Frame] {
        if let frames { return frames }
        var loaded: [Int64: Frame] = [:]
        try each { (frame: Frame, row) in loaded[row.id] = frame }
        frames = loaded
        return loaded
    }
}
