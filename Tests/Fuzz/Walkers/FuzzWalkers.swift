import CPythonLayouts
import TargetMemory

/// A target whose whole address space is the input, over and over: every pointer is valid, most structures are cyclic.
private struct HostileMemory: RemoteMemory {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Reads are counted and end: what a walker may read is bounded, or the fuzzer's time limit finds it.
    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
        let size = UInt64(bytes.count)
        let (_, wraps) = address.addingReportingOverflow(UInt64(buffer.count))
        // The first page is never mapped, so that null ends a list as it does in a process.
        guard address >= 4096, !wraps else { throw .unmapped(address: address, count: buffer.count) }
        for index in buffer.indices { buffer[index] = bytes[Int((address + UInt64(index)) % size)] }
    }
}

/// Any memory in any layout: no trap, no walk without end, no read without limit.
func fuzzWalkers(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, count >= 64 else { return 0 }
    let memory = HostileMemory(bytes: UnsafeBufferPointer(start: data + 8, count: count - 8))
    let start: RemoteAddress = 0x10000 + UInt64(data[1]) * 8
    let version = PythonVersion(major: 3, minor: 9 + data[0] % 6)
    if let layout = try? PythonLayout.table(for: version) { walk(ObjectReader(memory, layout: layout), start) }
    if let layout = try? DebugOffsets(runtime: start, memory)?.layout() {
        walk(ObjectReader(memory, layout: layout), start)
    }
    return 0
}

/// Every walk there is, from one address.
private func walk(_ reader: ObjectReader, _ start: RemoteAddress) {
    let codes = CodeTable(limit: 256)
    _ = try? reader.interpreters(runtime: start)
    _ = try? reader.threads(interpreter: start)
    _ = try? reader.stack(ofThread: start, codes).map(\.line)
    _ = try? reader.lockHolder(runtime: start, interpreter: start)
    if let asyncio = try? reader.asyncio(interpreter: start) {
        _ = try? reader.tasks(of: asyncio, interpreter: start)
        _ = try? reader.currentTasks(of: asyncio)
    }
    _ = try? reader.task(start)
    _ = try? reader.chain(of: start, codes)
    if let code = try? reader.code(start) {
        for unit in [0, 1, 1000, -1, Int.max] { _ = code.line(at: unit) }
    }
    if let type = try? reader.type(of: start) {
        _ = try? reader.qualifiedName(type)
        _ = try? reader.mro(type)
        _ = try? reader.resolve("dispatch", in: type)
    }
    _ = try? reader.attributes(start)
    _ = try? reader.string(start)
    _ = try? reader.integer(start)
    _ = try? reader.tuple(start)
    _ = try? reader.list(start)
    _ = try? reader.set(start)
    _ = try? reader.dict(start)
    _ = try? reader.callable(start)
}
