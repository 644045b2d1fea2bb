public import TargetMemory

/// A code object of the target, read once: names and tables, nothing of the user's data.
public final class CodeObject: Sendable {
    /// Where it is.
    public let address: RemoteAddress
    /// `co_name`.
    public let name: String
    /// `co_qualname` (3.11+), or the name.
    public let qualifiedName: String
    /// Whether the qualified name is the code object's own.
    public let isQualified: Bool
    /// `co_filename`.
    public let fileName: String
    /// `co_firstlineno`: the line of the first decorator, if it has any.
    public let firstLine: Int
    /// Names of its locals, cells and free variables by slot.
    public let localNames: [String]
    /// Slots at and after this one are cells or free variables (3.9, 3.10), else those so marked.
    let cells: Set<Int>
    /// Locals and value stack have this many slots.
    let stackSize: Int
    let flags: Int32
    let bytecode: Bytecode
    let lines: LineTable
    /// What it is to those who read it: bits that a `CodeTable` was told to give it.
    public let marks: UInt32
    /// The words by which its place is known to be still its own.
    let identity: [UInt64]

    struct Bytecode: Sendable {
        /// Where the units are.
        var start: RemoteAddress
        var units: Int
        /// `co_exceptiontable` (3.11+).
        var exceptionTable: RemoteAddress
        var names: RemoteAddress
        var firstTraceable: Int
    }

    init(
        address: RemoteAddress, name: String, qualifiedName: String?, fileName: String, firstLine: Int,
        localNames: [String], cells: Set<Int>, stackSize: Int, flags: Int32, bytecode: Bytecode, lines: LineTable,
        marks: UInt32, identity: [UInt64]
    ) {
        self.address = address
        self.name = name
        self.qualifiedName = qualifiedName ?? name
        self.isQualified = qualifiedName != nil
        self.fileName = fileName
        self.firstLine = firstLine
        self.localNames = localNames
        self.cells = cells
        self.stackSize = stackSize
        self.flags = flags
        self.bytecode = bytecode
        self.lines = lines
        self.marks = marks
        self.identity = identity
    }

    /// The line of a code unit; the first line when the table has none.
    public func line(at unit: Int) -> Int { lines.line(at: unit) ?? firstLine }

    /// Whether it is a coroutine, a generator or an asynchronous generator (code.h CO_GENERATOR, CO_COROUTINE,
    /// CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR).
    public var isSuspendable: Bool { flags & 0x3A0 != 0 }
}

extension ObjectReader {
    /// Most slots of a frame that have names.
    static let slotLimit = 4096

    /// The words that change when another object takes a code object's place: type, names, tables. With `texts` a hash of
    /// its names too: where many code objects go and come, the names of a new one may lie where those of an old one lay.
    func codeIdentity(_ address: RemoteAddress, texts: Bool) throws(RemoteReadError) -> [UInt64] {
        let fields = layout.code
        let words = try words(address &+ 8, count: fields.lineTable / 8, limit: 64)
        // Fields are aligned words from the object's type on; the first line is half of one.
        var identity = [8, fields.fileName, fields.name, fields.lineTable, fields.firstLine & ~7].map {
            words[($0 - 8) / 8]
        }
        if texts {
            let name = try fields.qualifiedName.map { (offset) throws(RemoteReadError) in try word(address, offset) }
            for text in [identity[1], name ?? identity[2]] { identity.append(try hash(ofText: text)) }
        }
        return identity
    }

    /// Whether the target still has, at its address, the code object that was read.
    public func isUnchanged(_ code: CodeObject) -> Bool {
        // With its texts there are two words more.
        (try? codeIdentity(code.address, texts: code.identity.count > 5)) == code.identity
    }

    /// FNV-1a of the beginning of a string's characters, and of its length.
    private func hash(ofText object: RemoteAddress) throws(RemoteReadError) -> UInt64 {
        let count = try size(object, 16)
        let bytes = try memory.bytes(
            at: object &+ UInt64(layout.string.ascii), count: min(max(0, count), Self.nameLimit), limit: Self.nameLimit)
        return bytes.reduce(0xCBF2_9CE4_8422_2325 ^ UInt64(bitPattern: Int64(count))) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
    }

    /// Reads a code object; `nil` when there is none at the address. `marks` tells by its name and file what it is to the
    /// caller.
    public func code(
        _ address: RemoteAddress, comparingTexts: Bool = false,
        marks: (_ name: String, _ fileName: String) -> UInt32 = { _, _ in 0 }
    ) throws(RemoteReadError) -> CodeObject? {
        guard address != 0, address & 7 == 0, try type(of: address)?.name == "code" else { return nil }
        let fields = layout.code
        guard let name = try string(try word(address, fields.name)),
            let fileName = try string(try word(address, fields.fileName), limit: 4096),
            let table = try bytes(try word(address, fields.lineTable))
        else { return nil }
        let firstLine = Int(try int32(address, fields.firstLine))
        let bytecode = try bytecode(of: address)
        let lines =
            switch layout.minor {
            case 9: LineTable.numbers(table, firstLine: firstLine, units: bytecode.units)
            case 10: LineTable.ranges(table, firstLine: firstLine)
            default: LineTable.locations(table, firstLine: firstLine)
            }
        let slots = try slots(of: address)
        let qualifiedName = try fields.qualifiedName.map { (offset) throws(RemoteReadError) in
            try string(try word(address, offset))
        }
        return CodeObject(
            address: address, name: name, qualifiedName: qualifiedName ?? nil, fileName: fileName,
            firstLine: firstLine, localNames: slots.names, cells: slots.cells,
            stackSize: min(max(0, Int(try int32(address, fields.stackSize))), Self.slotLimit),
            flags: try int32(address, fields.flags), bytecode: bytecode, lines: lines,
            marks: marks(name, fileName), identity: try codeIdentity(address, texts: comparingTexts))
    }

    private func bytecode(of address: RemoteAddress) throws(RemoteReadError) -> CodeObject.Bytecode {
        let names = try word(address, layout.code.names)
        guard let table = layout.code.exceptionTable, let traceable = layout.code.firstTraceable else {
            let holder = try word(address, layout.code.bytecode)
            let count = min(max(0, try size(holder, 16)), Self.tableLimit)
            return .init(start: holder &+ 32, units: count / 2, exceptionTable: 0, names: names, firstTraceable: 0)
        }
        return .init(
            start: address &+ UInt64(layout.code.bytecode), units: min(max(0, try size(address, 16)), Self.tableLimit),
            exceptionTable: try word(address, table), names: names,
            firstTraceable: Int(try int32(address, traceable)))
    }

    private func slots(of address: RemoteAddress) throws(RemoteReadError) -> (names: [String], cells: Set<Int>) {
        var names: [String] = []
        var cells: Set<Int> = []
        func add(_ tuple: RemoteAddress) throws(RemoteReadError) {
            for item in try self.tuple(tuple, limit: Self.slotLimit) ?? [] { names.append(try string(item) ?? "") }
        }
        try add(try word(address, layout.code.localNames))
        if let kinds = layout.code.localKinds {
            // internal/pycore_code.h CO_FAST_CELL 0x40, CO_FAST_FREE 0x80.
            let kinds = try bytes(try word(address, kinds), limit: Self.slotLimit) ?? []
            for (slot, kind) in kinds.enumerated() where kind & 0xC0 != 0 { cells.insert(slot) }
        } else if let cell = layout.code.cellNames, let free = layout.code.freeNames {
            let locals = names.count
            try add(try word(address, cell))
            try add(try word(address, free))
            cells = Set(locals..<names.count)
        }
        return (names, cells)
    }
}

/// Code objects read so far, kept over many walks and checked before each use.
///
/// Not `Sendable`: one thread. Holds at most `limit` of them.
public final class CodeTable {
    /// A code object, and the walk in which it was last compared with the target.
    private struct Entry {
        var code: CodeObject
        var walk: Int
    }

    // One thread, and no closure that comes back here: exclusivity need not be checked.
    @exclusivity(unchecked) private var codes: [RemoteAddress: Entry] = [:]
    private var walk = 0
    private let limit: Int
    private let comparesTexts: Bool
    private let marks: (_ name: String, _ fileName: String) -> UInt32
    /// The code object asked for last at each of a few places: most frames are of a few functions.
    @exclusivity(unchecked) private var recent = [CodeObject?](repeating: nil, count: 64)

    /// An empty table of at most `limit` code objects; `marks` tells by name and file what each is to the caller. With
    /// `comparesTexts` names are compared by their characters too, which takes four reads more: worth it in a snapshot.
    public init(
        limit: Int = 65_536, comparesTexts: Bool = false,
        marks: @escaping (_ name: String, _ fileName: String) -> UInt32 = { _, _ in 0 }
    ) {
        self.limit = limit
        self.comparesTexts = comparesTexts
        self.marks = marks
    }

    /// Code objects held.
    public var count: Int { codes.count }

    /// Begins a new walk: each code object is compared with the target again at its first use.
    public func beginWalk() {
        walk += 1
        for place in recent.indices { recent[place] = nil }
    }

    /// The code object at an address; `nil` when there is none.
    public func code(_ address: RemoteAddress, _ reader: ObjectReader) throws(RemoteReadError) -> CodeObject? {
        let place = Int(truncatingIfNeeded: address >> 5) & 63
        if let code = recent[place], code.address == address { return code }
        if try isUnchanged(address, reader) {
            recent[place] = codes[address]?.code
            return recent[place]
        }
        codes[address] = nil
        guard let code = try reader.code(address, comparingTexts: comparesTexts, marks: marks) else { return nil }
        if codes.count >= limit { codes.removeAll(keepingCapacity: true) }
        codes[address] = Entry(code: code, walk: walk)
        recent[place] = code
        return code
    }

    /// Whether the code object at an address is still the one that was read.
    public func isUnchanged(_ address: RemoteAddress, _ reader: ObjectReader) throws(RemoteReadError) -> Bool {
        guard let known = codes[address] else { return false }
        if known.walk == walk { return true }
        guard try reader.codeIdentity(address, texts: comparesTexts) == known.code.identity else { return false }
        codes[address]?.walk = walk
        return true
    }
}

extension ObjectReader {
    /// Whether a frame at `unit` has not begun: it is before the first instruction after the prologue
    /// (`_PyFrame_IsIncomplete`, internal/pycore_frame.h).
    public func isIncomplete(_ unit: Int, in code: CodeObject) -> Bool {
        !code.isSuspendable && unit < code.bytecode.firstTraceable
    }
}
