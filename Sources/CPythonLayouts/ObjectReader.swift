public import TargetMemory

/// Reads Python objects out of some memory by the layout of one CPython minor.
///
/// The memory is behind an existential, not a generic parameter: one call through a table per read costs less than
/// 5 ns, and every walker stays one compiled function whatever the memory is (a process, a snapshot, a recording).
///
/// Everything it reads is hostile: lengths and depths are bounded, lists may be cyclic, types may lie. It throws only
/// when memory cannot be read or a length is absurd; what is not of the expected type is `nil`.
///
/// Remembers types by address, so it serves one walk: `recheckTypes` or `forgetTypes` begins the next. Not `Sendable`: one
/// thread.
public final class ObjectReader {
    /// The memory.
    public let memory: any RemoteMemory
    /// The tables.
    public let layout: PythonLayout
    // One thread, and no closure that comes back here: the exclusivity of these need not be checked at each of the
    // million accesses of a census.
    @exclusivity(unchecked) var types: [RemoteAddress: TypeInfo] = [:]
    /// The type asked for last at each of a few places: most objects are of a few types.
    @exclusivity(unchecked) var recentTypes = ObjectReader.noTypes
    var members: [RemoteAddress: Set<RemoteAddress>] = [:]
    /// Which types were found to have a method, by its name: asked once a walk.
    var methods: [String: [RemoteAddress: Bool]] = [:]
    /// What was told of sets since somebody asked.
    var answers: [Membership] = []
    /// Where in `sys.modules` names were found last.
    var modulePlaces: [String: ModulePlace] = [:]
    /// The type of weak references, once one was seen.
    @exclusivity(unchecked) var weakReference: RemoteAddress = 0

    /// A reader of `memory` by `layout`.
    public init(_ memory: any RemoteMemory, layout: PythonLayout) {
        self.memory = memory
        self.layout = layout
    }

    /// Most bytes of a name that are read.
    public static let nameLimit = 1024
    /// Most bytes of a table or bytecode.
    public static let tableLimit = 1 << 20
    /// Most items of a list, tuple, set or dict.
    public static let itemLimit = 1 << 20

    /// A pointer-sized word at `address + offset`.
    func word(_ address: RemoteAddress, _ offset: Int = 0) throws(RemoteReadError) -> UInt64 {
        var value: UInt64 = 0
        try withUnsafeMutableBytes(of: &value) { (buffer) throws(RemoteReadError) in
            try memory.read(at: address &+ UInt64(bitPattern: Int64(offset)), into: buffer)
        }
        return value
    }

    /// A signed 32-bit number at `address + offset`.
    func int32(_ address: RemoteAddress, _ offset: Int = 0) throws(RemoteReadError) -> Int32 {
        var value: Int32 = 0
        try withUnsafeMutableBytes(of: &value) { (buffer) throws(RemoteReadError) in
            try memory.read(at: address &+ UInt64(bitPattern: Int64(offset)), into: buffer)
        }
        return value
    }

    /// A byte at `address + offset`.
    func byte(_ address: RemoteAddress, _ offset: Int = 0) throws(RemoteReadError) -> UInt8 {
        var value: UInt8 = 0
        try withUnsafeMutableBytes(of: &value) { (buffer) throws(RemoteReadError) in
            try memory.read(at: address &+ UInt64(bitPattern: Int64(offset)), into: buffer)
        }
        return value
    }

    /// `count` words at `address`, at most `limit`.
    func words(_ address: RemoteAddress, count: Int, limit: Int) throws(RemoteReadError) -> [UInt64] {
        guard count >= 0, count <= limit else { throw .outOfBounds(address: address, count: count) }
        guard count > 0 else { return [] }
        var words = [UInt64](repeating: 0, count: count)
        let failure = words.withUnsafeMutableBytes { buffer -> RemoteReadError? in
            do throws(RemoteReadError) {
                try memory.read(at: address, into: buffer)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        return words
    }

    /// A size the target states, as a number that can be compared with a limit.
    func size(_ address: RemoteAddress, _ offset: Int) throws(RemoteReadError) -> Int {
        Int(truncatingIfNeeded: try word(address, offset))
    }

    /// Bytes up to a NUL, at most `nameLimit`.
    func cString(_ address: RemoteAddress) throws(RemoteReadError) -> String {
        var bytes: [UInt8] = []
        while bytes.count < Self.nameLimit {
            // Up to the end of a 64-byte line: never across a page that may not be there.
            let count = 64 - Int(truncatingIfNeeded: address &+ UInt64(bytes.count)) & 63
            let part = try memory.bytes(at: address &+ UInt64(bytes.count), count: count, limit: 64)
            if let end = part.firstIndex(of: 0) {
                bytes += part[..<end]
                break
            }
            bytes += part
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
