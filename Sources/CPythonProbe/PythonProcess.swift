public import CPythonLayouts
public import RemoteProcess
public import TargetMemory

/// Why a process cannot be read as CPython.
public enum PythonAttachError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is no such process, or it has ended.
    case gone(Int32)
    /// The kernel refuses to have its memory read.
    case notPermitted(Int32)
    /// No interpreter is mapped in it.
    case notPython(Int32)
    /// An interpreter that cannot be read.
    case layout(LayoutError)

    /// What happened.
    public var description: String {
        switch self {
        case .gone(let pid): "process \(pid) has ended"
        case .notPermitted(let pid): "the memory of process \(pid) may not be read"
        case .notPython(let pid): "process \(pid) runs no CPython"
        case .layout(let error): "\(error)"
        }
    }
}

/// A live CPython that has been found and understood: everything needed to read it.
public struct PythonProcess: Sendable {
    /// Who it is.
    public let identity: ProcessIdentity
    /// Its memory.
    public let memory: ProcessMemory
    /// The interpreter's version; the micro number is 0 where only the name of the program tells (3.9, 3.10).
    public let version: PythonVersion
    /// Where everything is.
    public let layout: PythonLayout
    /// `_PyRuntime`.
    public let runtime: RemoteAddress
    /// Its interpreters, the main one last.
    public let interpreters: [RemoteAddress]

    /// The pid.
    public var pid: Int32 { identity.pid }
    /// The main interpreter.
    public var mainInterpreter: RemoteAddress { interpreters.last ?? 0 }

    /// Finds the interpreter of a process and checks that it can be read. Takes a few milliseconds.
    public init(pid: Int32, in proc: ProcFS = ProcFS()) throws(PythonAttachError) {
        let maps: MemoryMaps
        do throws(ProcError) {
            identity = try ProcessIdentity(of: pid, in: proc)
            maps = try MemoryMaps(of: pid, in: proc)
        } catch { throw error.isGone ? .gone(pid) : .notPermitted(pid) }
        let memory = ProcessMemory(pid: pid)
        self.memory = memory
        guard let found = RuntimeSymbols(in: maps, of: pid, proc) else {
            // Of a process that has ended and is not yet waited for there is a row in /proc, and nothing mapped.
            if identity.fate(in: proc) == .exited { throw .gone(pid) }
            if let version = Self.versionByName(maps), version.minor < 9 || version.major < 3 {
                throw .layout(.unsupported(version))
            }
            throw .notPython(pid)
        }
        runtime = found.runtime
        do throws(RemoteReadError) {
            let offsets = try DebugOffsets(runtime: found.runtime, memory)
            let symbol = try found.version.map { (address) throws(RemoteReadError) in
                PythonVersion(hex: try memory.load(address, as: UInt32.self))
            }
            guard let version = offsets?.version ?? symbol ?? Self.versionByName(maps) else {
                throw RemoteReadError.unmapped(address: found.runtime, count: 0)
            }
            self.version = version
            debugOffsets = offsets
        } catch {
            switch error {
            case .gone: throw .gone(pid)
            case .notPermitted: throw .notPermitted(pid)
            default: throw .layout(.unreadable)
            }
        }
        do throws(LayoutError) {
            let table = if let debugOffsets { try debugOffsets.layout() } else { try PythonLayout.table(for: version) }
            let asyncio = RuntimeSymbols.asyncioOffsets(in: maps, of: pid, proc, version)
            layout = asyncio.flatMap { try? AsyncioOffsets(at: $0, memory) }?.applied(to: table) ?? table
            interpreters = try Self.check(memory, layout, found.runtime, version)
        } catch { throw .layout(error) }
    }

    /// Whether one of its interpreters has imported asyncio: without that there are no tasks. Some 50 µs.
    public var hasAsyncio: Bool {
        let reader = ObjectReader(PageSnapshot(of: memory, limit: 1 << 20), layout: layout)
        return interpreters.contains { interpreter in
            ((try? reader.asyncio(interpreter: interpreter)) ?? nil) != nil
        }
    }

    private let debugOffsets: DebugOffsets?
    /// Where it takes a request to run a script (3.14 and later).
    var remoteExecution: RemoteExecution? { debugOffsets?.remoteExecution }

    /// Checks once more when the first look was at something that went away meanwhile.
    private static func check(
        _ memory: ProcessMemory, _ layout: PythonLayout, _ runtime: RemoteAddress, _ version: PythonVersion
    ) throws(LayoutError) -> [RemoteAddress] {
        var last = LayoutError.unreadable
        for _ in 0..<5 {
            do throws(LayoutError) {
                return try ObjectReader(memory, layout: layout).selfCheck(runtime: runtime, version: version)
            } catch { last = error }
        }
        throw last
    }

    /// The version that a mapped file's name tells: `libpython3.9.so.1.0`, `/usr/bin/python3.9`,
    /// `/usr/lib/python3.9/lib-dynload/…`.
    private static func versionByName(_ maps: MemoryMaps) -> PythonVersion? {
        maps.files.lazy.compactMap { PythonVersion(name: $0.path) }.first
    }
}

/// The symbols that matter, as addresses in the target.
private struct RuntimeSymbols {
    /// The table of `_asyncio` (3.14 and later), which is a module of its own or part of the program or library; `nil` when there
    /// is none.
    static func asyncioOffsets(
        in maps: MemoryMaps, of pid: Int32, _ proc: ProcFS, _ version: PythonVersion
    ) -> RemoteAddress? {
        guard version.minor >= 14 else { return nil }
        let files = maps.files.filter { $0.inode != 0 }
        let ranked = files.filter { $0.path.holds("/_asyncio.") } + files.filter { $0.path.holds("python3.") }
        for mapping in ranked.prefix(4) {
            guard let elf = try? ElfFile(of: mapping, in: pid, proc: proc), let bias = elf.loadBias(of: mapping),
                let section = elf.section(".AsyncioDebug")
            else { continue }
            return bias &+ section.address
        }
        return nil
    }

    /// `_PyRuntime`.
    var runtime: RemoteAddress
    /// `Py_Version` (3.11+).
    var version: RemoteAddress?

    init?(in maps: MemoryMaps, of pid: Int32, _ proc: ProcFS) {
        let program = (try? proc.readLink(proc.path(pid, "exe"))) ?? ""
        // The library first, then the program (a static build, an embedding server), then whatever else says Python.
        let files = maps.files.filter { $0.inode != 0 }
        let ranked =
            files.filter { $0.path.holds("/libpython") } + files.filter { $0.path == program }
            + files.filter { $0.path.holds("python") && !$0.path.holds("/lib-dynload/") }
        for mapping in ranked.prefix(16) {
            guard let elf = try? ElfFile(of: mapping, in: pid, proc: proc), let bias = elf.loadBias(of: mapping) else {
                continue
            }
            // The section begins with the structure, from 3.10 on, and stays when the symbols are stripped.
            guard let address = elf.section(".PyRuntime")?.address ?? elf.symbol("_PyRuntime")?.address else {
                continue
            }
            runtime = bias &+ address
            version = elf.symbol("Py_Version").map { bias &+ $0.address }
            return
        }
        return nil
    }
}
