public import CPythonLayouts
import RemoteProcess
public import TargetMemory

/// Asks a running CPython 3.14 or later to run a script, through the door that the interpreter keeps for debuggers.
///
/// This is the one thing loopscope does that changes a target, and it is done only when the user asks for it by its own
/// flag. Three writes: the script's path, the flag that asks for it, and the bit that makes the main thread look up. The
/// interpreter runs the script between two bytecodes of that thread, never in the middle of one; a thread that waits in
/// the kernel takes it when it next runs Python. The script has a namespace of its own, without a `__name__`.
/// Source: PEP 768 and `_Py_DebugOffsets.debugger_support` (v3.14.0).
///
/// The bit is set as the interpreter's own tool sets it, without stopping the target: another request that the target
/// notes in the same byte at the same instant may be overwritten. Those are repeated by whoever made them (a waiter for
/// the GIL each 5 ms) or kept elsewhere too (signals).
public struct ScriptRequest: Sendable {
    /// Why no script can be run.
    public enum Refusal: Error, Hashable, Sendable {
        /// The interpreter has no such door.
        case tooOld(PythonVersion)
        /// Its door is closed: `PYTHON_DISABLE_REMOTE_DEBUG`, `-X disable-remote-debug`, or a build without it.
        case disabled
        /// Somebody else's script waits already.
        case busy
        /// The path is longer than the interpreter takes, or holds a NUL.
        case path(limit: Int)
        /// Its memory cannot be read, or not be written.
        case memory(RemoteReadError)
    }

    private let process: PythonProcess
    private let places: RemoteExecution
    private let thread: RemoteAddress
    private let writer: TargetWriter

    /// Writes made to the target so far.
    public var writeCount: Int { writer.writeCount }

    /// Finds the door, and that it is open. Writes nothing.
    public init(_ process: PythonProcess) throws(Refusal) {
        guard let places = process.remoteExecution else { throw .tooOld(process.version) }
        let reader = ObjectReader(process.memory, layout: process.layout)
        let enabled: Int32
        do throws(RemoteReadError) {
            // A thread puts itself at the head of the list: the last one is the first, which is the main thread.
            guard let main = try reader.threads(interpreter: process.mainInterpreter).last else {
                throw RemoteReadError.unmapped(address: process.mainInterpreter, count: 0)
            }
            thread = main.state
            enabled = try process.memory.load(process.mainInterpreter &+ UInt64(places.isEnabled), as: Int32.self)
        } catch { throw .memory(error) }
        guard enabled == 1 else { throw .disabled }
        (self.process, self.places) = (process, places)
        writer = TargetWriter(pid: process.pid)
    }

    /// Asks for the script at `path`, as the target itself would open it. Returns at once; see `isTaken`.
    public func post(_ path: String) throws(Refusal) {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < places.scriptPathSize, !bytes.contains(0) else {
            throw .path(limit: places.scriptPathSize - 1)
        }
        guard try isTaken() else { throw .busy }
        do throws(RemoteReadError) {
            try writer.write(bytes + [0], at: address(places.scriptPath))
            try writer.write([1, 0, 0, 0], at: address(places.pendingCall))
            let flags = try process.memory.load(address(places.evalBreaker), as: UInt8.self)
            try writer.write([flags | RemoteExecution.pleaseStop], at: address(places.evalBreaker))
        } catch { throw .memory(error) }
    }

    /// Whether the target has taken up the script: it clears the flag just before it runs it.
    public func isTaken() throws(Refusal) -> Bool {
        do throws(RemoteReadError) { return try pending() == 0 } catch { throw .memory(error) }
    }

    /// Takes the question back, for a target that never looked up: one more write.
    public func withdraw() throws(Refusal) {
        do throws(RemoteReadError) {
            guard try pending() != 0 else { return }
            try writer.write([0, 0, 0, 0], at: address(places.pendingCall))
        } catch { throw .memory(error) }
    }

    private func pending() throws(RemoteReadError) -> Int32 {
        try process.memory.load(address(places.pendingCall), as: Int32.self)
    }
    private func address(_ place: Int) -> RemoteAddress { thread &+ UInt64(place) }
}
