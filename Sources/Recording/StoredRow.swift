import Observations

/// A value that is one row of one table, with rows of other tables under it where it has lists.
///
/// Columns are written and read in the order of `columns`; `id`, and in a child its parent's id, come before them and
/// are not listed.
protocol StoredRow {
    /// The table.
    static var table: String { get }
    /// The column that names the parent's row, in a table of children.
    static var parent: String? { get }
    /// The columns, separated by commas.
    static var columns: String { get }
    /// Puts the value's columns, in order.
    func write(to row: inout RowWriter) throws
    /// Takes the value's columns, in order.
    init(from row: inout RowReader) throws
}

extension StoredRow {
    static var parent: String? { nil }

    private static var allColumns: String { [parent, columns].compactMap { $0 }.joined(separator: ", ") }

    /// The statement that stores one.
    static var insertion: String {
        let names = allColumns
        let marks = Array(repeating: "?", count: names.split(separator: ",").count).joined(separator: ", ")
        return "INSERT INTO \(table) (\(names)) VALUES (\(marks))"
    }

    /// The statement that reads them all, in the order they were made.
    static var selection: String { "SELECT id, \(allColumns) FROM \(table) ORDER BY id" }
}

/// Collects the columns of one row.
struct RowWriter {
    /// What is to be bound, in order.
    private(set) var cells: [Cell] = []
    /// Rows that belong under this one.
    private(set) var children: [any StoredRow] = []
    private let interner: Interner

    /// An empty row; a child begins with its parent's id.
    init(interner: Interner, parent: Int64? = nil) {
        self.interner = interner
        if let parent { cells.append(.integer(parent)) }
    }

    mutating func put(_ value: some ColumnValue) { cells.append(value.cell) }

    /// A stack, as its id.
    mutating func put(_ stack: StackTrace) throws { cells.append(.integer(try interner.id(of: stack))) }

    /// A frame, as its id.
    mutating func put(frame: Frame?) throws {
        cells.append(try frame.map { .integer(try interner.id(of: $0)) } ?? .null)
    }

    /// A place in code, in four columns.
    mutating func put(_ location: CodeLocation?) {
        put(location?.function)
        put(location?.file)
        put(location?.line)
        put(location?.handlerLine)
    }

    mutating func put(children rows: [some StoredRow]) { children += rows as [any StoredRow] }
}

/// Takes the columns of one row.
struct RowReader {
    /// The row's id.
    let id: Int64
    /// The id of the row it belongs under; its own in a table without parents.
    let parent: Int64
    private let table: String
    private let row: SteppedRow
    private let snapshot: Snapshot
    private var column: Int32 = 0

    init<Value: StoredRow>(_ row: SteppedRow, as kind: Value.Type, in snapshot: Snapshot) throws {
        self.row = row
        self.snapshot = snapshot
        table = Value.table
        guard case .integer(let id) = row.cell(0) else { throw Damage(table: Value.table, column: 0) }
        self.id = id
        column = 1
        guard Value.parent != nil else {
            parent = id
            return
        }
        guard case .integer(let parent) = row.cell(1) else { throw Damage(table: Value.table, column: 1) }
        self.parent = parent
        column = 2
    }

    /// The next column, as what is wanted.
    mutating func take<Value: ColumnValue>() throws -> Value {
        defer { column += 1 }
        guard let value = Value(cell: row.cell(column)) else { throw damage }
        return value
    }

    /// The next column, a stack's id.
    mutating func takeStack() throws -> StackTrace {
        guard let stack = try snapshot.stack(try take()) else { throw damage }
        return stack
    }

    /// The next column, a frame's id.
    mutating func takeFrame() throws -> Frame? {
        guard let id: Int64 = try take() else { return nil }
        guard let frame = try snapshot.frame(id) else { throw damage }
        return frame
    }

    /// The next four columns, a place in code; `nil` when it has no function.
    mutating func takeLocation() throws -> CodeLocation? {
        let function: String? = try take()
        let file: String? = try take()
        let line: Int? = try take()
        let handlerLine: Int? = try take()
        return function.map { CodeLocation(function: $0, file: file, line: line, handlerLine: handlerLine) }
    }

    /// The rows that belong under this one.
    func children<Child: StoredRow>() throws -> [Child] { try snapshot.children(of: id) }

    /// What is wrong with the column just looked at.
    var damage: Damage { Damage(table: table, column: Int(column)) }
}

/// A cell that cannot be what its column holds.
struct Damage: Error {
    let table: String
    let column: Int
}
