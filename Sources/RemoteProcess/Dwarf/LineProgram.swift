/// The line program of one unit, run row by row. Source: DWARF 5, 6.2.5; DWARF 4 differs only in its head.
struct LineProgram {
    /// A row of the line table.
    struct Row {
        var address: UInt64 = 0
        var file = 1
        var line = 1
        /// The row is one past the last instruction of its sequence.
        var endsSequence = false
    }

    private let header: LineHeader
    private var cursor: ByteCursor
    private var row = Row()
    private var operation: UInt64 = 0
    private var isFresh = true

    /// The program of the unit with this head, from the start of a sequence.
    init(_ header: LineHeader, in line: [UInt8], from position: Int? = nil) {
        self.header = header
        cursor = ByteCursor(line, at: position ?? header.program)
        cursor.limit(header.end)
    }

    /// Where the next instruction is; after a row that ends a sequence, where the next sequence starts.
    var position: Int { cursor.position }

    /// Runs to the next row; `nil` at the end, or where the program is damaged.
    mutating func next() -> Row? {
        if isFresh {
            row = Row()
            operation = 0
            isFresh = false
        }
        while !cursor.isAtEnd {
            let opcode = cursor.byte()
            if opcode >= header.opcodeBase {
                let adjusted = UInt64(opcode - header.opcodeBase)
                advance(adjusted / header.lineRange)
                move(header.lineBase &+ Int64(adjusted % header.lineRange))
                return row
            }
            if opcode == 0 {
                if let last = extended() { return last }
            } else if standard(opcode) {
                return cursor.failed ? nil : row
            }
        }
        return nil
    }

    /// One standard instruction; true when it makes a row.
    private mutating func standard(_ opcode: UInt8) -> Bool {
        switch opcode {
        case 1: return true  // copy
        case 2: advance(cursor.unsigned())
        case 3: move(cursor.signed())
        case 4: row.file = Int(clamping: cursor.unsigned())
        case 8: advance(UInt64(255 - header.opcodeBase) / header.lineRange)
        case 9:
            row.address &+= cursor.integer(2)
            operation = 0
        default:  // columns, flags, and instructions of the future
            for _ in 0..<header.argumentCounts[Int(opcode) - 1] { _ = cursor.unsigned() }
        }
        return false
    }

    /// One extended instruction; the last row of the sequence when it ends one.
    private mutating func extended() -> Row? {
        let length = cursor.unsigned()
        guard length > 0, length <= UInt64(cursor.remaining) else {
            cursor.fail()
            return nil
        }
        let end = cursor.position + Int(length)
        defer { cursor.seek(end) }
        switch cursor.byte() {
        case 1:
            isFresh = true
            row.endsSequence = true
            return row
        case 2:
            row.address = cursor.integer(min(Int(length) - 1, 8))
            operation = 0
        default: break
        }
        return nil
    }

    private mutating func advance(_ operations: UInt64) {
        guard header.maximumOperations > 1 else {
            row.address &+= header.minimumInstruction &* operations
            return
        }
        let total = operation &+ operations
        row.address &+= header.minimumInstruction &* (total / header.maximumOperations)
        operation = total % header.maximumOperations
    }

    private mutating func move(_ lines: Int64) {
        row.line = Int(truncatingIfNeeded: Int64(row.line) &+ lines)
    }
}
