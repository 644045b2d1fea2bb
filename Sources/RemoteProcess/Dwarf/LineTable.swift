/// The debug sections that lines come from; each may be empty.
public struct DwarfSections: Sendable {
    /// `.debug_line`
    public var line: [UInt8] = []
    /// `.debug_line_str`
    public var lineStrings: [UInt8] = []
    /// `.debug_str`
    public var strings: [UInt8] = []
    /// `.debug_str_offsets`
    public var stringOffsets: [UInt8] = []
    /// `.debug_info`
    public var info: [UInt8] = []
    /// `.debug_abbrev`
    public var abbreviations: [UInt8] = []

    /// No debug sections.
    public init() {}

    /// The debug sections of a file.
    public init(of file: ElfFile) {
        line = file.bytes(of: ".debug_line") ?? []
        guard !line.isEmpty else { return }
        lineStrings = file.bytes(of: ".debug_line_str") ?? []
        strings = file.bytes(of: ".debug_str") ?? []
        stringOffsets = file.bytes(of: ".debug_str_offsets") ?? []
        info = file.bytes(of: ".debug_info") ?? []
        abbreviations = file.bytes(of: ".debug_abbrev") ?? []
    }

    /// The text a value stands for.
    func text(_ value: DwarfValue, offsetsBase: UInt64 = 8, isWide: Bool = false) -> String? {
        switch value {
        case .text(let text): return text
        case .strings(let offset): return string(at: offset, in: strings)
        case .lineStrings(let offset): return string(at: offset, in: lineStrings)
        case .index(let index):
            let width: UInt64 = isWide ? 8 : 4
            let (product, overflow) = index.multipliedReportingOverflow(by: width)
            guard !overflow, let position = Int(exactly: product &+ offsetsBase), position < stringOffsets.count
            else { return nil }
            var cursor = ByteCursor(stringOffsets, at: position)
            let offset = cursor.integer(Int(width))
            return cursor.failed ? nil : string(at: offset, in: strings)
        case .number, .block: return nil
        }
    }
}

/// File and line by address, from `.debug_line` of DWARF 2 to 5: what gcc, clang and swiftc write.
///
/// Pure over bytes. Made once by running every program through; a lookup then runs one sequence again. Damaged units
/// are passed over, never trapped on, and give no line.
public struct LineTable: Sendable {
    /// A place in source.
    public struct Location: Hashable, Sendable {
        /// The path; absolute where the debug information has the directory.
        public var file: String
        /// The line, from 1.
        public var line: Int
    }

    private struct Sequence {
        var low: UInt64
        var high: UInt64
        /// Where its unit begins in `.debug_line`, and its own program.
        var unit: Int
        var program: Int
    }

    /// Most sequences that are kept.
    static let maximumSequences = 4_000_000

    private let sections: DwarfSections
    private let directories: CompilationDirectories
    private var sequences: [Sequence] = []

    /// Indexes the sections.
    public init(_ sections: DwarfSections) {
        self.sections = sections
        directories = CompilationDirectories(sections)
        var cursor = ByteCursor(sections.line)
        while !cursor.isAtEnd, sequences.count < Self.maximumSequences {
            let unit = cursor.position
            if let header = LineHeader(&cursor) { index(header, unit) }
        }
        sequences.sort { ($0.low, $0.high) < ($1.low, $1.high) }
    }

    /// Whether there is any line to be found.
    public var isEmpty: Bool { sequences.isEmpty }

    /// The line of an address as linked. Code the compiler made up has line 0 and counts to the line before it, back
    /// to `start`, its function's first address.
    public func location(of address: UInt64, from start: UInt64 = 0) -> Location? {
        find(address) { rows in
            var best: LineProgram.Row?
            while let row = rows(), row.address <= address {
                if row.line > 0, row.address >= start || best == nil { best = row }
            }
            return best.flatMap { $0.address >= start || address < start ? $0 : nil }
        }
    }

    /// The first line of the function at `start`: that of its declaration, as far as compilers tell.
    public func declaration(ofFunctionAt start: UInt64, size: UInt64) -> Location? {
        find(start) { rows in
            let end = start &+ max(size, 1)
            while let row = rows(), row.address < end {
                if row.address >= start, row.line > 0, !row.endsSequence { return row }
            }
            return nil
        }
    }

    private mutating func index(_ header: LineHeader, _ unit: Int) {
        var program = LineProgram(header, in: sections.line)
        var start = program.position
        var low: UInt64?
        while let row = program.next() {
            if low == nil { low = row.address }
            guard row.endsSequence else { continue }
            // A sequence at 0 is of a function that the linker threw away.
            if let low, low > 0, low < row.address {
                sequences.append(Sequence(low: low, high: row.address, unit: unit, program: start))
            }
            low = nil
            start = program.position
        }
    }

    /// Runs the sequence that holds `address`, and names the place of the row that `choose` picks.
    private func find(_ address: UInt64, _ choose: (() -> LineProgram.Row?) -> LineProgram.Row?) -> Location? {
        var low = 0
        var high = sequences.count
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle].low <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, address < sequences[low - 1].high else { return nil }
        let sequence = sequences[low - 1]
        var cursor = ByteCursor(sections.line, at: sequence.unit)
        guard let header = LineHeader(&cursor) else { return nil }
        var program = LineProgram(header, in: sections.line, from: sequence.program)
        var ended = false
        let row = choose {
            if ended { return nil }
            let row = program.next()
            ended = row?.endsSequence ?? true
            return row
        }
        guard let row, let file = path(of: row.file, header, sequence.unit) else { return nil }
        return Location(file: file, line: row.line)
    }

    private func path(of index: Int, _ header: LineHeader, _ unit: Int) -> String? {
        guard let (directories, files) = header.names(in: sections), files.indices.contains(index) else { return nil }
        let file = files[index]
        guard !file.name.isEmpty else { return nil }
        if file.name.hasPrefix("/") { return file.name }
        let directory = directories.indices.contains(file.directory) ? directories[file.directory] : ""
        let relative = directory.isEmpty ? file.name : "\(directory)/\(file.name)"
        if relative.hasPrefix("/") { return relative }
        let root = self.directories.directory(ofUnitAt: unit)
        return root.map { "\($0)/\(relative)" } ?? relative
    }
}
