import CElf
import Glibc
import TargetMemory

/// Why a file is no use as ELF.
public enum ElfError: Error, Hashable, Sendable {
    /// It could not be opened or read.
    case unreadable(ProcError)
    /// It is not a 64-bit ELF program or library, or its headers are damaged.
    case notElf(path: String)
}

/// A 64-bit ELF program or library, read by libelf from an open file.
///
/// Read, not mapped: a file that is truncated meanwhile gives an error, not a SIGBUS. Every offset and length in it is
/// checked by libelf against the file's size, and every length here against a limit. Not `Sendable`: one thread at a time.
public final class ElfFile {
    /// A section's header.
    public struct Section: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// Its place in the table of sections.
        public var index: Int
        /// Its address as linked; 0 when it is not loaded.
        public var address: UInt64
        /// Its length in memory.
        public var size: UInt64
    }

    /// A symbol that is defined in the file.
    public struct Symbol: Hashable, Sendable {
        /// Its name as linked, mangled.
        public var name: String
        /// Its address as linked.
        public var address: UInt64
        /// Its length; 0 when unknown.
        public var size: UInt64
    }

    /// Most bytes a section may have, inflated: more is not read.
    public static let maximumSection = 1 << 30

    /// The path it was opened by.
    public var path: String { file.path }
    /// The sections, in the file's order.
    public let sections: [Section]
    /// It was linked for a fixed address (ET_EXEC).
    public let hasFixedAddress: Bool

    private let file: OpenFile
    /// libelf's handle; ended in `deinit`, before the file is closed.
    private let elf: OpaquePointer
    private let segments: [GElf_Phdr]

    /// Reads the headers.
    public init(_ file: consuming OpenFile) throws(ElfError) {
        guard elf_version(UInt32(EV_CURRENT)) != 0, let elf = elf_begin(file.descriptor, ELF_C_READ, nil) else {
            throw .notElf(path: file.path)
        }
        var header = GElf_Ehdr()
        guard elf_kind(elf) == ELF_K_ELF, gelf_getclass(elf) == ELFCLASS64, gelf_getehdr(elf, &header) != nil,
            header.e_type == ET_EXEC || header.e_type == ET_DYN
        else {
            elf_end(elf)
            throw .notElf(path: file.path)
        }
        hasFixedAddress = header.e_type == ET_EXEC
        sections = Self.sections(elf)
        segments = Self.segments(elf)
        self.elf = elf
        self.file = file
    }

    /// Opens the file of a mapping as the target sees it, and reads its headers.
    public convenience init(
        of mapping: MemoryMapping, in pid: Int32, proc: ProcFS = ProcFS()
    ) throws(ElfError) {
        let file: OpenFile
        do throws(ProcError) { file = try proc.open(mapping, of: pid) } catch { throw .unreadable(error) }
        try self.init(file)
    }

    deinit { elf_end(elf) }

    /// How much later in memory everything is than linked, given where a part of the file is mapped.
    ///
    /// - Returns: 0 for a program of fixed address; `nil` when the mapping begins at no loadable part of the file.
    public func loadBias(of mapping: MemoryMapping) -> UInt64? {
        if hasFixedAddress { return 0 }
        let page = ~UInt64(4095)
        let part = segments.first { $0.p_type == PT_LOAD && $0.p_offset & page == mapping.offset }
        return part.map { mapping.start &- $0.p_vaddr & page }
    }

    /// The section of this name.
    public func section(_ name: String) -> Section? { sections.first { $0.name == name } }

    /// A section's bytes, inflated where they are compressed; `nil` when it has none, or more than `maximumSection`.
    public func bytes(of section: Section) -> [UInt8]? {
        guard let scn = elf_getscn(elf, section.index), section.size <= UInt64(Self.maximumSection) else { return nil }
        let inflated = ls_elf_inflated_size(scn)
        if inflated > 0 {
            guard inflated <= UInt64(Self.maximumSection), ls_elf_inflate(scn) == 0 else { return nil }
        }
        guard let data = elf_getdata(scn, nil), let start = data.pointee.d_buf else { return nil }
        return Array(UnsafeRawBufferPointer(start: start, count: data.pointee.d_size))
    }

    /// The bytes of the section of this name.
    public func bytes(of name: String) -> [UInt8]? { section(name).flatMap { bytes(of: $0) } }

    /// Finds a defined symbol, in the dynamic table first.
    public func symbol(_ name: String) -> Symbol? {
        // Made a C string once: a string handed to `strcmp` is copied for each of some thousand symbols.
        name.withCString { wanted in
            for type in [SHT_DYNSYM, SHT_SYMTAB] {
                var found: Symbol?
                forEachSymbol(in: UInt32(type)) { symbol, text in
                    guard strcmp(text, wanted) == 0 else { return true }
                    found = Symbol(name: name, address: symbol.st_value, size: symbol.st_size)
                    return false
                }
                if let found { return found }
            }
            return nil
        }
    }

    /// The functions of both symbol tables, ready to be looked up by address.
    public func functions() -> SymbolTable {
        var table = SymbolTable()
        for type in [SHT_SYMTAB, SHT_DYNSYM] {
            forEachSymbol(in: UInt32(type)) { symbol, text in
                if symbol.st_info & 0xF == UInt8(STT_FUNC), symbol.st_value != 0 {
                    table.add(address: symbol.st_value, size: symbol.st_size, name: text)
                }
                return table.count < SymbolTable.maximumSymbols
            }
        }
        table.sort()
        return table
    }

    /// The build's identity (NT_GNU_BUILD_ID) in hexadecimal, if it was linked in.
    public var buildID: String? {
        guard let note = bytes(of: ".note.gnu.build-id"), note.count > 16, note[8] == 3, note[12...14] == [71, 78, 85]
        else { return nil }
        let length = Int(note[4])
        guard length > 0, note.count >= 16 + length else { return nil }
        return note[16..<(16 + length)].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Calls `body` with each defined symbol and its name, until it returns false.
    private func forEachSymbol(in type: UInt32, _ body: (GElf_Sym, UnsafePointer<CChar>) -> Bool) {
        for section in sections {
            var header = GElf_Shdr()
            guard let scn = elf_getscn(elf, section.index), gelf_getshdr(scn, &header) != nil,
                header.sh_type == type, let data = elf_getdata(scn, nil)
            else { continue }
            // Int32 is gelf's own index type.
            let count = Int32(clamping: data.pointee.d_size / MemoryLayout<Elf64_Sym>.size)
            var symbol = GElf_Sym()
            for index in 0..<count where gelf_getsym(data, index, &symbol) != nil {
                guard symbol.st_shndx != SHN_UNDEF,
                    let name = elf_strptr(elf, Int(header.sh_link), Int(symbol.st_name))
                else { continue }
                if !body(symbol, name) { return }
            }
        }
    }

    private static func sections(_ elf: OpaquePointer) -> [Section] {
        var sections: [Section] = []
        var names = 0
        guard elf_getshdrstrndx(elf, &names) == 0 else { return [] }
        var next = elf_nextscn(elf, nil)
        while let scn = next {
            var header = GElf_Shdr()
            if gelf_getshdr(scn, &header) != nil {
                let name = elf_strptr(elf, names, Int(header.sh_name)).map { String(cString: $0) } ?? ""
                sections.append(
                    Section(name: name, index: elf_ndxscn(scn), address: header.sh_addr, size: header.sh_size))
            }
            next = elf_nextscn(elf, scn)
        }
        return sections
    }

    private static func segments(_ elf: OpaquePointer) -> [GElf_Phdr] {
        var count = 0
        guard elf_getphdrnum(elf, &count) == 0 else { return [] }
        return (0..<min(count, 65_536)).compactMap { index in
            var segment = GElf_Phdr()
            return gelf_getphdr(elf, Int32(index), &segment) == nil ? nil : segment
        }
    }
}
