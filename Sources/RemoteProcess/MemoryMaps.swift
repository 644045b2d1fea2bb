import Glibc
public import TargetMemory

/// One line of /proc/PID/maps. Source: proc_pid_maps(5).
public struct MemoryMapping: Hashable, Sendable {
    /// First address.
    public var start: RemoteAddress
    /// One past the last address.
    public var end: RemoteAddress
    /// May be read.
    public var isReadable: Bool
    /// May be written.
    public var isWritable: Bool
    /// May be executed.
    public var isExecutable: Bool
    /// Where in the file it begins.
    public var offset: UInt64
    /// The file's inode; 0 when there is no file.
    public var inode: UInt64
    /// The file's path in the target's own root, or a name in brackets (`[heap]`), or empty.
    public var path: String
    /// The file has been deleted or replaced since.
    public var isDeleted: Bool

    /// Parses a line; `nil` when it is not one.
    public init?(parsing line: some Collection<UInt8>) {
        let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 5, omittingEmptySubsequences: false)
        guard fields.count >= 5, fields[1].count >= 4 else { return nil }
        let range = fields[0].split(separator: UInt8(ascii: "-"))
        guard range.count == 2, let start = UInt64(hex: range[0]), let end = UInt64(hex: range[1]), start < end,
            let offset = UInt64(hex: fields[2]), let inode = UInt64(ascii: fields[4])
        else { return nil }
        let flags = Array(fields[1])
        self.start = start
        self.end = end
        isReadable = flags[0] == UInt8(ascii: "r")
        isWritable = flags[1] == UInt8(ascii: "w")
        isExecutable = flags[2] == UInt8(ascii: "x")
        self.offset = offset
        self.inode = inode
        let rest = fields.count > 5 ? fields[5].drop { $0 == UInt8(ascii: " ") } : fields[0].prefix(0)
        var path = String(decoding: rest, as: UTF8.self)
        // Hardly any path has one, and a process has hundreds of mappings.
        if rest.contains(UInt8(ascii: "\\")) { path = path.replacing("\\012", with: "\n") }
        isDeleted = inode != 0 && path.hasSuffix(" (deleted)")
        if isDeleted { path.removeLast(" (deleted)".count) }
        self.path = path
    }
}

/// What is mapped where in a process.
public struct MemoryMaps: Hashable, Sendable {
    /// Most lines that are read: the kernel's own limit (vm.max_map_count) is 65 530 by default.
    public static let maximumLines = 262_144

    /// The mappings, ascending.
    public var mappings: [MemoryMapping]

    /// Parses the text of /proc/PID/maps; lines that are not mappings are passed over.
    public init(parsing text: some Collection<UInt8>) {
        mappings = text.split(separator: UInt8(ascii: "\n"), maxSplits: Self.maximumLines)
            .prefix(Self.maximumLines).compactMap { MemoryMapping(parsing: $0) }
    }

    /// Reads the maps of a process.
    public init(of pid: Int32, in proc: ProcFS = ProcFS()) throws(ProcError) {
        self.init(parsing: try proc.read(pid, "maps", limit: 64 << 20))
    }

    /// The mapping that holds an address.
    public func mapping(at address: RemoteAddress) -> MemoryMapping? {
        var low = 0
        var high = mappings.count
        while low < high {
            let middle = (low + high) / 2
            if mappings[middle].end <= address { low = middle + 1 } else { high = middle }
        }
        guard low < mappings.count, mappings[low].start <= address else { return nil }
        return mappings[low]
    }

    /// The mapped files, each once, in the order of their first mapping (offset 0 where there is one).
    public var files: [MemoryMapping] {
        var order: [String] = []
        var first: [String: MemoryMapping] = [:]
        for mapping in mappings where mapping.inode != 0 {
            let key = "\(mapping.inode) \(mapping.path)"
            if let known = first[key] {
                if mapping.offset == 0, known.offset != 0 { first[key] = mapping }
            } else {
                order.append(key)
                first[key] = mapping
            }
        }
        return order.compactMap { first[$0] }
    }
}

extension ProcFS {
    /// Opens the file of a mapping as the target sees it: through its root (containers, chroots), or, when the file
    /// has been deleted or replaced, through its mapping (which needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE).
    ///
    /// - Throws: also when what is there now is no regular file.
    public func open(_ mapping: MemoryMapping, of pid: Int32) throws(ProcError) -> OpenFile {
        if !mapping.isDeleted, mapping.path.hasPrefix("/") {
            do throws(ProcError) {
                return try openRegular(path(pid, "root") + mapping.path)
            } catch {
                // A path outside the target's root, as after pivot_root: the mapping itself still leads there.
                guard error.errno == ENOENT || error.errno == ENOTDIR else { throw error }
            }
        }
        let range = String(mapping.start, radix: 16) + "-" + String(mapping.end, radix: 16)
        return try openRegular(path(pid, "map_files/\(range)"))
    }

    private func openRegular(_ path: String) throws(ProcError) -> OpenFile {
        let file = try OpenFile(path)
        guard file.isRegular else { throw ProcError(path: path, errno: EINVAL) }
        return file
    }
}

extension FixedWidthInteger {
    /// A whole hexadecimal number in ASCII without prefix, or `nil`.
    init?(hex text: some Collection<UInt8>) {
        self.init(String(decoding: text, as: UTF8.self), radix: 16)
    }
}
