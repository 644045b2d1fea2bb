import Foundation
import PythonTargets
import RemoteProcess
import TargetMemory
import Testing

@testable import CPythonLayouts

/// Everything the walkers do, over any memory: what a recorded image holds, and what a mutated one must survive.
struct WholeWalk {
    var tasks: [String: [String]] = [:]
    var stack: [String] = []
    var leaf = ""
    var handlers = 0

    /// Walks everything, or, for a recording that must stay small, only what `walk` checks.
    init(_ memory: any RemoteMemory, _ names: [String: UInt64], isLean: Bool = false) throws {
        let reader = ObjectReader(
            memory,
            layout: try PythonLayout.table(for: PythonVersion(hex: UInt32(truncatingIfNeeded: names["version"] ?? 0))))
        let codes = CodeTable()
        let runtime = names["runtime"] ?? 0
        for interpreter in (try? reader.interpreters(runtime: runtime)) ?? [] {
            for thread in (try? reader.threads(interpreter: interpreter)) ?? [] {
                let innermost = (try? reader.currentFrame(ofThread: thread.state)) ?? 0
                leaf = (try? reader.frame(innermost, codes)?.code.name) ?? ""
                if isLean { continue }
                stack = (try? reader.stack(ofThread: thread.state, codes).map(\.code.name)) ?? []
                for chunk in (try? reader.chunks(from: thread.state)) ?? [] { _ = chunk.used }
            }
            _ = try? reader.lockHolder(runtime: runtime, interpreter: interpreter)
            if !isLean, let asyncio = try? reader.asyncio(interpreter: interpreter) {
                _ = try? reader.currentTasks(of: asyncio)
                _ = try? reader.tasks(of: asyncio, interpreter: interpreter)
            }
            for generation in ObjectReader.generations {
                _ = try? reader.trackedObjects(generation: generation, interpreter: interpreter, live: memory)
            }
        }
        for (name, address) in names where name.hasPrefix("task ") {
            if let task = try? reader.task(address) { walk(task, reader, codes, isLean) }
        }
    }

    private mutating func walk(_ task: PythonTask, _ reader: ObjectReader, _ codes: CodeTable, _ isLean: Bool) {
        guard let chain = try? reader.chain(of: task.coroutine, codes) else { return }
        tasks[task.name] = chain.links.map { (try? reader.qualifiedName($0)) ?? "" }
        for link in chain.links {
            if isLean, link.frame.code.name != "dispatch" { continue }
            handlers += (try? reader.handlers(of: link.frame.code).count) ?? 0
            for name in link.frame.code.localNames where !isLean || name == "result" {
                guard let object = try? reader.local(name, of: link.frame), object != 0 else { continue }
                _ = try? reader.string(object)
                _ = try? reader.integer(object)
                _ = try? reader.dict(object)
                _ = try? reader.list(object)
                _ = try? reader.callable(object)
                _ = try? reader.attributes(object)
                guard !isLean, let type = try? reader.type(of: object) else { continue }
                _ = try? reader.resolve("dispatch", in: type)
                _ = try? reader.qualifiedName(type)
            }
        }
    }
}

/// Refuses to go on after a number of reads: a walk that would not end is seen.
private final class BoundedMemory: RemoteMemory {
    let image: MemoryImage
    private(set) var reads = 0
    static let limit = 2_000_000

    init(_ image: MemoryImage) { self.image = image }

    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
        reads += 1
        guard reads < Self.limit else { throw .gone }
        try image.read(at: address, into: buffer)
    }
}

@Suite("Walks over recorded images")
struct ImageTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Images")
    static let minors = Array(PythonLayout.supportedMinors)

    static func image(_ minor: Int) throws -> MemoryImage {
        try MemoryImage(decoding: Array(try Data(contentsOf: folder.appending(path: "python3\(minor).image"))))
    }

    /// `make golden` writes the images anew.
    @Test("an image recorded of a live process walks like the process", arguments: Interpreter.all)
    func record(interpreter: Interpreter) throws {
        let target = try PythonTarget("truth", ["2"], on: interpreter)
        defer { target.end() }
        let truth: Truth = try target.truth()
        let memory = ProcessMemory(pid: target.pid)
        let reader = ObjectReader(memory, layout: try PythonLayout.table(for: PythonVersion(hex: truth.version)))
        let main = try #require(try reader.interpreters(runtime: truth.runtime).last)
        let asyncio = try #require(try reader.asyncio(interpreter: main))
        var names = ["version": UInt64(truth.version), "runtime": truth.runtime]
        for task in try reader.tasks(of: asyncio, interpreter: main) where ["queue", "consumer-0"].contains(task.name) {
            names["task \(task.name)"] = task.address
        }
        let recorder = MemoryRecorder(of: SparseSource(memory, main: main, layout: reader.layout), names: names)
        let live = try WholeWalk(recorder, names, isLean: true)
        #expect(try WholeWalk(recorder.image, names, isLean: true).tasks == live.tasks)
        #expect(live.tasks["queue"] == ["waits_for_queue", "Queue.get"])
        guard ProcessInfo.processInfo.environment["LOOPSCOPE_GOLDEN"] == "update" else { return }
        try Data(anonymous(recorder.image.encoded())).write(
            to: Self.folder.appending(path: "python3\(interpreter.minor).image"))
    }

    /// Paths of the machine it was recorded on are nobody's business: letters of their own length stand for them.
    private func anonymous(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let home = ProcessInfo.processInfo.environment["HOME"] ?? ""
        for path in [home, FileManager.default.currentDirectoryPath] where path.utf8.count > 1 {
            let needle = Array(path.utf8)
            for place in 0...max(0, bytes.count - needle.count) where bytes[place...].starts(with: needle) {
                for letter in 1..<needle.count { bytes[place + letter] = UInt8(ascii: "x") }
            }
        }
        return bytes
    }

    @Test("an image has its tasks, their chains, and a current frame", arguments: minors)
    func walk(minor: Int) throws {
        let image = try Self.image(minor)
        let walk = try WholeWalk(image, image.names)
        #expect(walk.tasks["queue"] == ["waits_for_queue", "Queue.get"])
        #expect(
            walk.tasks["consumer-0"]
                == ["Base.__call__", "many_dispatch", "ChatConsumer.dispatch", "Base.dispatch", "Base.handle"])
        #expect(!walk.leaf.isEmpty)
        #expect(walk.handlers > 0)
    }

    @Test("no mutation of an image makes a walk trap, or read without an end", arguments: minors)
    func mutations(minor: Int) throws {
        let image = try Self.image(minor)
        let pages = image.pages.keys.sorted()
        var random = SplitMix(state: UInt64(minor))
        for _ in 0..<150 {
            var mutated = image
            for _ in 0..<random.below(24) + 1 {
                let page = pages[random.below(pages.count)]
                let place = page + UInt64(random.below(512) * 8)
                // A wild word, a small number, another page's address (cycles), or all ones.
                let word =
                    [
                        random.next(), UInt64(random.below(64)),
                        pages[random.below(pages.count)] + UInt64(random.below(512) * 8), .max,
                    ][
                        random.below(4)]
                mutated.store(withUnsafeBytes(of: word) { Array($0) }, at: place)
            }
            let memory = BoundedMemory(mutated)
            _ = try WholeWalk(memory, image.names)
            #expect(memory.reads < BoundedMemory.limit)
        }
    }
}

/// Keeps the collector's lists, which lead through the whole heap, out of a recording.
private struct SparseSource: RemoteMemory {
    let memory: ProcessMemory
    let hidden: Range<RemoteAddress>

    init(_ memory: ProcessMemory, main: RemoteAddress, layout: PythonLayout) {
        self.memory = memory
        let lists = main + UInt64(layout.interpreter.collector + layout.collector.generations)
        hidden = lists..<lists + 72
    }

    func read(at address: RemoteAddress, into buffer: UnsafeMutableRawBufferPointer) throws(RemoteReadError) {
        try memory.read(at: address, into: buffer)
        for index in buffer.indices where hidden.contains(address &+ UInt64(index)) { buffer[index] = 0 }
    }
}

/// Random numbers that are the same in every run.
struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
