import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// Makes frames of a stack's words, and tells whether there can be such a stack.
///
/// A thread that does nothing but call and return can come back within one reading, so that both of its copies agree on
/// frames that were never on the stack together. Such a stack has a frame that called none: it stands at an instruction
/// that cannot have pushed the next frame. Asked of stacks seen for the first time only.
///
/// One thread.
final class StackResolver {
    /// A frame's words.
    private struct Place: Equatable {
        var code: UInt64
        var instruction: UInt64

        /// What it is looked up by; another place may have the same. Not a `Hashable` of our own: a type's conformance has to
        /// be searched among all that the program has, once in each process, and that is a fiftieth of what a dump does.
        var key: UInt64 { code &* 0x9E37_79B9_7F4A_7C15 ^ instruction }
    }

    private let reader: ObjectReader
    /// New stacks are mostly made of places that the window before had too. What changed since the window began, its end
    /// finds out (`StackDrawing`).
    private let memory: ReadAhead
    private let codes = CodeTable.withRoles()
    /// What is known of a place.
    private struct Known {
        let place: Place
        /// The code object that it was found in: another one may lie there later.
        let code: CodeObject
        let frame: Frame
        /// A frame that was made and has not begun, or one of the interpreter's own that calls `__init__`.
        let isIncomplete: Bool
        /// Whether it is a call; `nil` when that is to be asked.
        var isCall: Bool?
        /// The walk in which that was asked.
        var walk: Int
    }

    /// Places seen: the frames of one place are one.
    private var places: [UInt64: Known] = [:]
    private var walk = 0
    private let sources: TargetSources

    init(_ process: PythonProcess) {
        memory = ReadAhead(process.memory)
        reader = ObjectReader(memory, layout: process.layout)
        sources = TargetSources(of: process)
    }

    /// Compares each code object with the target again at its next use.
    func begin() {
        codes.beginWalk()
        memory.beginWalk()
        reader.forgetTypes()
        walk += 1
    }

    /// The frames of a stack, outermost first, and whether each but the innermost may have called the next. Its code objects
    /// are noted in `table`.
    ///
    /// - Returns: `nil` when its code objects are none, or none of its frames has begun.
    func resolve(
        _ stack: UnsafeBufferPointer<UInt64>, for table: inout StackTable
    ) throws(RemoteReadError) -> (trace: StackTrace, isPossible: Bool)? {
        var frames: [Frame] = []
        frames.reserveCapacity(stack.count / 2)
        // The innermost frame need not have called anything; nor need one that called into C.
        var (isPossible, mayBeAnywhere) = (true, true)
        var last: CodeObject?
        for index in stride(from: 1, to: stack.count - 1, by: 2) {
            let place = Place(code: stack[index] & ~1, instruction: stack[index + 1])
            guard let known = try known(place, asks: !mayBeAnywhere) else { return nil }
            if known.code !== last { table.note(known.code) }
            last = known.code
            if known.isIncomplete { continue }
            if !mayBeAnywhere, known.isCall != true { isPossible = false }
            frames.append(known.frame)
            mayBeAnywhere = stack[index] & 1 == 1
        }
        frames.reverse()
        if let cut = cut(frames, of: stack.count / 2) { frames.insert(cut, at: 0) }
        return frames.isEmpty ? nil : (StackTrace(frames), isPossible)
    }

    /// What stands for the outer frames of a stack that is deeper than can be read; `nil` when all are there: then the
    /// outermost is a module, or where a thread begins.
    private func cut(_ frames: [Frame], of depth: Int) -> Frame? {
        let limit = reader.layout.minor >= 11 ? ThreadSampler.depthLimit : FrameAreaList.areaLimit
        guard depth >= limit, let outermost = frames.first,
            outermost.function != "<module>", !outermost.function.hasSuffix("_bootstrap")
        else { return nil }
        return Frame(kind: .logical, function: "deeper than \(limit) frames: the outer ones are not shown")
    }

    /// What is known of a place, found out when it is new; `asks`: whether it is a call is to be known too.
    private func known(_ place: Place, asks: Bool) throws(RemoteReadError) -> Known? {
        guard let code = try codes.code(place.code, reader) else { return nil }
        var known: Known
        if let before = places[place.key], before.place == place, before.code === code {
            known = before
            guard asks, !known.isIncomplete, known.isCall == nil || known.walk != walk else { return known }
        } else {
            guard let unit = reader.unit(place.instruction, in: code) else { return nil }
            let frame = Frame(
                kind: .python, function: code.qualifiedName, file: code.fileName, line: code.line(at: unit),
                definition: sources.definitionLine(of: code))
            known = Known(
                place: place, code: code, frame: frame, isIncomplete: reader.isIncomplete(unit, in: code), isCall: nil,
                walk: walk)
        }
        if asks, !known.isIncomplete, let unit = reader.unit(place.instruction, in: code) {
            (known.isCall, known.walk) = (try reader.isCallSite(unit, of: code), walk)
        }
        if places.count >= Self.placeLimit { places.removeAll() }
        places[place.key] = known
        return known
    }

    private static let placeLimit = 16_384
}
