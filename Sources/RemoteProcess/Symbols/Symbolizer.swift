import Glibc
public import Observations
import Synchronization

/// Names the code at addresses of a process: function, file, line, and the line the function begins at.
///
/// Symbols come from the mapped ELF files, lines from their DWARF; both are read when an address first asks for them
/// and kept. A stripped binary gives names from its dynamic symbols or `library+0x12`, and no lines. Code inlined into
/// a function shows the function's name with the inlined code's file and line.
///
/// Safe on any thread; one lookup at a time. Not for a signal handler: it allocates and reads files.
public final class Symbolizer: Sendable {
    /// What is known about an address.
    public struct Symbol: Hashable, Sendable {
        /// A readable name; `libfoo.so+0x12` where no symbol covers the address, `0x12` where nothing is mapped.
        public var function: String
        /// The name as linked, if a symbol covers the address.
        public var mangled: String?
        /// Where the function begins in the process.
        public var start: UInt64?
        /// The mapped file.
        public var binary: String?
        /// The source line of the address.
        public var line: LineTable.Location?
        /// The source line the function begins at.
        public var declaration: LineTable.Location?
    }

    /// The process.
    public let pid: Int32
    private let proc: ProcFS
    private let state = Mutex(State())

    private struct State {
        var maps = MemoryMaps(parsing: [])
        /// By path and inode: the same file is read once, whatever its mappings.
        var modules: [String: Module] = [:]
        var known: [UInt64: Symbol] = [:]
    }

    /// A mapped file; `nil` parts were not there or not readable.
    private struct Module {
        var bias: UInt64
        var functions = SymbolTable()
        var lines = LineTable(DwarfSections())
    }

    /// Most addresses that are remembered.
    static let maximumKnown = 100_000

    /// A symbolizer of `pid`. Nothing is read yet.
    public init(pid: Int32, proc: ProcFS = ProcFS()) {
        self.pid = pid
        self.proc = proc
    }

    /// The symbolizer of our own process.
    public static let own = Symbolizer(pid: getpid())

    /// What is known about the code at an address.
    public func symbol(at address: UInt64) -> Symbol {
        state.withLock { state in
            if let known = state.known[address] { return known }
            let symbol = find(address, &state)
            if state.known.count >= Self.maximumKnown { state.known.removeAll() }
            state.known[address] = symbol
            return symbol
        }
    }

    /// The frames of a stack of program counters, innermost first as unwinders give them; the result is outermost
    /// first, as `StackTrace` is. All but the innermost are return addresses: the call is one byte before.
    public func frames(for counters: [UInt64]) -> [Frame] {
        counters.enumerated().reversed().map { index, counter in
            frame(at: counter, isReturnAddress: index > 0)
        }
    }

    /// The frame of one program counter. Where a suspended async function resumes is no return address.
    public func frame(at address: UInt64, isReturnAddress: Bool) -> Frame {
        let symbol = symbol(at: isReturnAddress && address > 0 ? address - 1 : address)
        return Frame(kind: .native, function: symbol.function, file: symbol.line?.file, line: symbol.line?.line)
    }

    /// The function that holds an address, with the line of its declaration: where to point a person.
    public func location(of address: UInt64) -> CodeLocation {
        let symbol = symbol(at: address)
        return CodeLocation(
            function: symbol.function, file: symbol.declaration?.file, line: symbol.declaration?.line)
    }

    private func find(_ address: UInt64, _ state: inout State) -> Symbol {
        var mapping = state.maps.mapping(at: address)
        if mapping == nil, let maps = try? MemoryMaps(of: pid, in: proc) {  // first use, or dlopen since
            state.maps = maps
            mapping = maps.mapping(at: address)
        }
        guard let mapping else { return Symbol(function: "0x" + String(address, radix: 16)) }
        guard mapping.inode != 0, let module = module(of: mapping, &state) else {
            return Symbol(
                function: mapping.path.isEmpty ? "0x" + String(address, radix: 16) : mapping.path,
                binary: mapping.path)
        }
        let linked = address &- module.bias
        let file = mapping.path.split(separator: "/").last.map(String.init) ?? mapping.path
        guard let function = module.functions.function(at: linked) else {
            return Symbol(
                function: "\(file)+0x" + String(linked, radix: 16), binary: mapping.path,
                line: module.lines.location(of: linked))
        }
        return Symbol(
            function: SwiftName.readable(function.name), mangled: function.name,
            start: function.address &+ module.bias, binary: mapping.path,
            line: module.lines.location(of: linked, from: function.address),
            declaration: module.lines.declaration(ofFunctionAt: function.address, size: function.size))
    }

    private func module(of mapping: MemoryMapping, _ state: inout State) -> Module? {
        let key = "\(mapping.inode) \(mapping.path)"
        if let known = state.modules[key] { return known }
        guard let first = state.maps.files.first(where: { $0.inode == mapping.inode && $0.path == mapping.path })
        else { return nil }
        let module = load(first)
        state.modules[key] = module
        return module
    }

    private func load(_ mapping: MemoryMapping) -> Module {
        guard let file = try? ElfFile(of: mapping, in: pid, proc: proc), let bias = file.loadBias(of: mapping) else {
            return Module(bias: mapping.start &- mapping.offset)
        }
        var module = Module(bias: bias, functions: file.functions(), lines: LineTable(DwarfSections(of: file)))
        if module.lines.isEmpty, let identity = file.buildID, identity.count > 2 {
            // Distributions ship symbols and lines apart, by the build's identity.
            let path =
                "\(proc.path(pid, "root"))/usr/lib/debug/.build-id/\(identity.prefix(2))/\(identity.dropFirst(2)).debug"
            if let opened = try? OpenFile(path), let debug = try? ElfFile(opened) {
                module.functions = debug.functions()
                module.lines = LineTable(DwarfSections(of: debug))
            }
        }
        return module
    }
}
