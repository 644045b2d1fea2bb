public import TargetMemory

/// One frame of the interpreter at one instant.
public struct PythonFrame: Sendable {
    /// The frame itself.
    public var address: RemoteAddress
    /// Its code.
    public var code: CodeObject
    /// Which code unit it is at.
    public var unit: Int

    /// The line it is at.
    public var line: Int { code.line(at: unit) }
}

/// The words of a frame, before its code is known.
struct RawFrame {
    var previous: RemoteAddress
    var code: RemoteAddress
    /// Pointer (3.11+), or index.
    var instruction: UInt64
    /// `FRAME_OWNED_BY_*` (3.11+); 0 before.
    var owner: UInt8
}

extension ObjectReader {
    /// Most frames of one stack that are read.
    public static let depthLimit = 1024

    /// `_PyStackRef` and tagged words of 3.14: the object's address without the tag; a tagged int is no object.
    @inline(__always)
    func untagged(_ word: UInt64) -> RemoteAddress { word & 3 == 3 ? 0 : word & ~1 }

    func rawFrame(_ frame: RemoteAddress) throws(RemoteReadError) -> RawFrame {
        let fields = layout.frame
        guard let owner = fields.owner else {
            return RawFrame(
                previous: try word(frame, fields.previous), code: try word(frame, fields.code),
                instruction: UInt64(bitPattern: Int64(try int32(frame, fields.instruction))), owner: 0)
        }
        // One read of the whole head, 80 bytes of it up to 3.14: a census reads tens of thousands.
        var head = (
            UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0)
        )
        guard min(fields.previous, fields.code, fields.instruction, owner) >= 0,
            max(fields.previous, fields.code, fields.instruction) <= 72, owner < 80
        else {
            throw .outOfBounds(address: frame, count: fields.size)
        }
        return try withUnsafeMutableBytes(of: &head) { (bytes) throws(RemoteReadError) in
            try memory.read(at: frame, into: bytes)
            return RawFrame(
                previous: bytes.loadUnaligned(fromByteOffset: fields.previous, as: UInt64.self),
                code: untagged(bytes.loadUnaligned(fromByteOffset: fields.code, as: UInt64.self)),
                instruction: bytes.loadUnaligned(fromByteOffset: fields.instruction, as: UInt64.self),
                owner: bytes[owner])
        }
    }

    /// Which unit a frame is at; `nil` when that is outside its code.
    public func unit(_ instruction: UInt64, in code: CodeObject) -> Int? {
        let unit: Int
        switch layout.minor {
        case 9: unit = Int(Int64(bitPattern: instruction)) / 2
        case 10: unit = Int(Int64(bitPattern: instruction))
        default:
            let distance = Int64(bitPattern: instruction &- code.bytecode.start)
            unit = Int(distance) >> 1
        }
        // Not yet started: -1 before the first instruction.
        return unit >= -1 && unit < code.bytecode.units ? max(unit, 0) : nil
    }

    /// The frame at an address, with its code.
    public func frame(_ address: RemoteAddress, _ codes: CodeTable) throws(RemoteReadError) -> PythonFrame? {
        guard address != 0 else { return nil }
        let raw = try rawFrame(address)
        guard raw.owner < 3, let code = try codes.code(raw.code, self), let unit = unit(raw.instruction, in: code)
        else { return nil }
        return PythonFrame(address: address, code: code, unit: unit)
    }

    /// The object in a named slot of a frame; cells are opened. 0 when it is unbound or has no such name.
    public func local(_ name: String, of frame: PythonFrame) throws(RemoteReadError) -> RemoteAddress {
        guard let slot = frame.code.localNames.firstIndex(of: name) else { return 0 }
        let object = untagged(try word(frame.address, layout.frame.locals + 8 * slot))
        return frame.code.cells.contains(slot) ? try contents(ofCell: object) : object
    }
}

extension ObjectReader {
    /// Most objects of a value stack that are looked at.
    private static let valueLimit = 64

    /// The objects on the value stack of a suspended frame, outermost first: what its `with` blocks are to leave, among
    /// others.
    public func valueStack(of frame: PythonFrame) throws(RemoteReadError) -> [RemoteAddress] {
        let fields = layout.frame
        let start =
            try fields.valueStack.map { (offset) throws(RemoteReadError) in try word(frame.address, offset) }
            ?? frame.address &+ UInt64(fields.locals + 8 * frame.code.localNames.count)
        let count: Int
        switch layout.minor {
        case 9, 14...:
            // The top is a pointer.
            count = Int(Int64(bitPattern: try word(frame.address, fields.stackTop) &- start)) / 8
        case 10:
            count = Int(try int32(frame.address, fields.stackTop))
        default:
            // The top counts the slots of the locals too.
            count = Int(try int32(frame.address, fields.stackTop)) - frame.code.localNames.count
        }
        guard count > 0, count <= frame.code.stackSize else { return [] }
        return try words(start, count: Swift.min(count, Self.valueLimit), limit: Self.valueLimit).map { untagged($0) }
    }
}

/// A chunk of a thread's data stack (internal/pycore_pystate.h, cpython/pystate.h `_PyStackChunk`).
public struct StackChunk: Hashable, Sendable {
    /// All of it.
    public var range: Range<RemoteAddress>
    /// Bytes of it in use, from its start.
    public var used: Int
}

extension ObjectReader {
    /// Most chunks of one thread: the newest and 63 older ones hold far more frames than are read.
    private static let chunkLimit = 64

    /// The next outer frame, or 0.
    public func outerFrame(of frame: RemoteAddress) throws(RemoteReadError) -> RemoteAddress {
        try word(frame, layout.frame.previous)
    }

    /// The chunks older than the newest one.
    public func chunks(from newest: RemoteAddress) throws(RemoteReadError) -> [StackChunk] {
        var chunks: [StackChunk] = []
        var chunk = newest == 0 ? 0 : try word(newest)
        while chunk != 0, chunks.count < Self.chunkLimit {
            // {previous, size in bytes, top in words}
            let (size, top) = (try self.size(chunk, 8), try self.size(chunk, 16))
            guard size > 0, size <= 1 << 30, top >= 0, top <= size / 8, chunk <= .max - UInt64(size) else { break }
            chunks.append(StackChunk(range: chunk..<chunk + UInt64(size), used: min(size, 24 + 8 * top)))
            chunk = try word(chunk)
        }
        return chunks
    }
}
