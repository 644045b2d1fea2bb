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
    private struct Place: Hashable {
        var code: UInt64
        var instruction: UInt64
    }

    private let reader: ObjectReader
    private let codes = CodeTable.withRoles()
    /// Places found to be calls, kept until code objects are compared with the target again.
    private var callSites: Set<Place> = []
    private let sources: TargetSources
    /// The lines of `def`s found in source files, which are not read twice for them.
    private var definitions: [Definition: Int] = [:]

    /// A function, as its code object says it.
    private struct Definition: Hashable {
        var file: String
        var firstLine: Int
    }

    init(_ process: PythonProcess) {
        reader = ObjectReader(process.memory, layout: process.layout)
        sources = TargetSources(of: process)
    }

    /// Compares each code object with the target again at its next use.
    func begin() {
        codes.beginWalk()
        reader.forgetTypes()
        callSites.removeAll(keepingCapacity: true)
    }

    /// The frames of a stack, outermost first, and whether each but the innermost may have called the next.
    ///
    /// - Returns: `nil` when its code objects are none, or none of its frames has begun.
    func resolve(_ stack: UnsafeBufferPointer<UInt64>) throws(RemoteReadError) -> (trace: StackTrace, isPossible: Bool)?
    {
        var frames: [Frame] = []
        frames.reserveCapacity(stack.count / 2)
        // The innermost frame need not have called anything; nor need one that called into C.
        var (isPossible, mayBeAnywhere) = (true, true)
        for index in stride(from: 1, to: stack.count - 1, by: 2) {
            let place = Place(code: stack[index] & ~1, instruction: stack[index + 1])
            guard let code = try codes.code(place.code, reader), let unit = reader.unit(place.instruction, in: code)
            else { return nil }
            // A frame that was made and has not begun, or one of the interpreter's own that calls `__init__`.
            if reader.isIncomplete(unit, in: code) { continue }
            if !mayBeAnywhere, !callSites.contains(place) {
                if try reader.isCallSite(unit, of: code) { callSites.insert(place) } else { isPossible = false }
            }
            frames.append(
                Frame(
                    kind: .python, function: code.qualifiedName, file: code.fileName, line: code.line(at: unit),
                    definition: definition(of: code)))
            mayBeAnywhere = stack[index] & 1 == 1
        }
        return frames.isEmpty ? nil : (StackTrace(frames.reversed()), isPossible)
    }

    private func definition(of code: CodeObject) -> Int {
        let key = Definition(file: code.fileName, firstLine: code.firstLine)
        if let line = definitions[key] { return line }
        let line = sources.definitionLine(of: code)
        if definitions.count >= Self.definitionLimit { definitions.removeAll() }
        definitions[key] = line
        return line
    }

    private static let definitionLimit = 16_384

    /// Whether all code objects of a stack are still those that were read.
    func isStillValid(_ stack: ArraySlice<UInt64>) -> Bool {
        for index in stride(from: stack.startIndex + 1, to: stack.endIndex - 1, by: 2) {
            guard (try? codes.isUnchanged(stack[index] & ~1, reader)) == true else { return false }
        }
        return true
    }
}
