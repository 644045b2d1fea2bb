import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// Takes samples of one thread: its stack as it was at one moment, in one system call when the thread's frames are
/// where they were the last time.
///
/// Owns its buffers. One thread.
final class ThreadSampler {
    /// Reads per sample, at most: a torn one is read again at once.
    private static let tries = 16
    /// Frames of a stack, at most; deeper ones are cut off at the outer end. Before 3.11, when each frame is an object
    /// by itself, `FrameAreaList.areaLimit` of them.
    static let depthLimit = 1024

    let thread: PythonThread
    private let reader: ObjectReader
    private let memory: ProcessMemory
    // One thread, and no closure that comes back here: exclusivity need not be checked at each frame.
    @exclusivity(unchecked) private var areas: FrameAreas
    /// The words of the stack taken last: one for the thread and its state, then (code, instruction) of each frame,
    /// innermost first. The code's lowest bit is set where C code entered the frame.
    private let words: UnsafeMutableBufferPointer<UInt64>
    @exclusivity(unchecked) private var used = 1

    /// A sampler of `thread`, whose interpreter's lock is at `lock`, if that is known.
    init(_ thread: PythonThread, of process: PythonProcess, lock: RemoteAddress? = nil) {
        self.thread = thread
        memory = process.memory
        reader = ObjectReader(process.memory, layout: process.layout)
        areas = FrameAreas(state: thread.state, lock: lock, layout: process.layout)
        words = .allocate(capacity: 1 + 2 * Self.depthLimit)
        words.initialize(repeating: 0)
    }

    deinit { words.deallocate() }

    /// What became of a sample.
    enum Outcome: Equatable {
        /// Good; `retries` readings were torn before. `isSame`: the stack is the one taken before, with the same first word.
        case good(retries: Int, isSame: Bool)
        /// The thread runs no Python now.
        case empty
        /// Given up: torn every time.
        case lost
        /// The thread's state cannot be read: it has ended.
        case ended
    }

    /// The stack taken last.
    var stack: UnsafeBufferPointer<UInt64> { UnsafeBufferPointer(rebasing: words[..<used]) }
    /// The hash of its outer frames (`StackTable.outerHash`).
    var outerHash: UInt64 {
        if let knownHash { return knownHash }
        let hash = StackTable.outerHash(stack)
        knownHash = hash
        return hash
    }
    /// That hash; `nil` when it was not asked for since the last walk.
    @exclusivity(unchecked) private var knownHash: UInt64?

    /// Frames of the stack taken last.
    var depth: Int { (used - 1) / 2 }

    /// Set in the first word of a stack when the thread held its interpreter's lock.
    static let holdsLock: UInt64 = 2

    /// Takes a sample; `tag` becomes the first word of its stack, with `holdsLock` where it did. `isRestless`: the thread is
    /// known to move.
    func sample(tag: UInt64, isRestless: Bool) throws(RemoteReadError) -> Outcome {
        var isWeeded = false
        for attempt in 0..<Self.tries {
            let reading: FrameAreas.Reading
            // Most targets stand still most of the time, and need the quick manner only.
            let manner: FrameCalls.Manner = attempt == 0 && !isRestless ? .calm : .restless
            do throws(RemoteReadError) { reading = try areas.read(memory, manner) } catch {
                guard case .unmapped = error else { throw error }
                // The first range went: an area, or the thread itself.
                guard areas.count > 0 else { return .ended }
                areas.forget()
                areas.dropChunk()
                continue
            }
            let first = areas.holder == thread.state ? tag | Self.holdsLock : tag
            switch reading {
            case .frame(0): return .empty
            case .frame(let frame):
                if let instruction = areas.unchanged(from: frame) {
                    let isSame = words[0] == first && words[2] == instruction
                    (words[0], words[2]) = (first, instruction)
                    return .good(retries: attempt, isSame: isSame)
                }
                words[0] = first
                switch walk(from: frame) {
                case nil: return used > 1 ? .good(retries: attempt, isSame: false) : .empty
                case .some(0): continue
                case .some(let missing):
                    if try seek(missing) { continue }
                    // No room: for areas of stacks that are gone, or because the stack is deeper than can be read.
                    if isWeeded { return used > 1 ? .good(retries: attempt, isSame: false) : .lost }
                    isWeeded = true
                    areas.forget()
                }
            case .moved: continue
            case .unreadable:
                areas.forget()
                areas.dropChunk()
            }
        }
        return .lost
    }

    /// Forgets predicted areas that no sample has used since the last call.
    func weed() { areas.weed() }

    /// Makes the system call of a sample and decodes nothing (`FrameAreas.readAndIgnore`).
    func readAndIgnore() throws(RemoteReadError) -> (ranges: Int, bytes: Int) { try areas.readAndIgnore(memory) }

    /// Walks the stack in the areas.
    ///
    /// - Returns: `nil` when it is whole; 0 when it is torn; else the frame that no area holds.
    private func walk(from innermost: RemoteAddress) -> RemoteAddress? {
        used = 1
        areas.beginWalk()
        knownHash = nil
        var (frame, inner) = (innermost, innermost)
        // The entry that the walk has come to, and the frame of Python's that it called.
        var (entry, called) = (RemoteAddress(0), RemoteAddress(0))
        var runsPython = false
        // A stack that leads back into itself was put together from two moments (Brent's hare and tortoise).
        var (tortoise, steps, power) = (innermost, 0, 1)
        while frame != 0 {
            guard steps < 2 * Self.depthLimit, used + 2 <= words.count else { return nil }
            switch areas.find(frame, depth: steps) {
            case .torn: return 0
            case .missing: return frame
            case .words(let found):
                // 3 and above: an entry from C code, no frame of Python's, or one that does not run.
                if found.owner < 3 {
                    words[used] = found.code
                    words[used + 1] = found.instruction
                    used += 2
                    entry = 0
                    if steps == 0 { runsPython = true }
                } else if used > 1 {
                    words[used - 2] |= 1
                    if entry == 0 { (entry, called) = (frame, inner) }
                    if found.previous == 0 { areas.endsAt(entry, outermost: frame, below: called) }
                }
                (frame, inner) = (found.previous, frame)
                steps += 1
                if frame == tortoise { return 0 }
                if steps == power { (tortoise, power) = (frame, power * 2) }
            }
        }
        if runsPython { areas.endWalk(from: innermost) }
        return nil
    }

    /// Finds where the frames from `frame` outwards are, and predicts them from now on: an older chunk of the data
    /// stack whole, a frame of a coroutine or of C code alone.
    ///
    /// - Returns: whether there was room for what it found.
    private func seek(_ frame: RemoteAddress) throws(RemoteReadError) -> Bool {
        var frame = frame
        for step in 0..<Self.depthLimit where frame != 0 {
            if !areas.holds(frame), try !predict(frame) { return step > 0 }
            // What cannot be read is torn: the next reading shows where the stack is then.
            guard let outer = try? reader.outerFrame(of: frame) else { return true }
            frame = outer
        }
        return true
    }

    private func predict(_ frame: RemoteAddress) throws(RemoteReadError) -> Bool {
        for chunk in (try? reader.chunks(from: areas.newestChunk)) ?? [] where chunk.range.contains(frame) {
            let length = min(chunk.used, FrameAreaList.byteLimit / 4)
            // Of a long chunk the part around the frame.
            let start =
                frame &- chunk.range.lowerBound < UInt64(length)
                ? chunk.range.lowerBound : max(chunk.range.lowerBound, frame &- UInt64(length / 2))
            return areas.add(start, length: length)
        }
        return areas.add(frame, length: reader.layout.frameFields.size)
    }
}
