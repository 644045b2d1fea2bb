import CPythonLayouts
import TargetMemory

/// Tells which call of a sync bridge a thread runs.
///
/// One thread: the sampler's.
final class BridgeThreads {
    private let reader: ObjectReader
    private let codes = CodeTable.withRoles()
    /// Where the frame of `thread_handler` was, by thread: a thread of an executor calls it at the same depth each time.
    private var frames: [RemoteAddress: RemoteAddress] = [:]

    init(_ process: PythonProcess) { reader = ObjectReader(process.memory, layout: process.layout) }

    /// What tells the call that a thread runs from all that wait, and most probably from the next one; `nil` when the thread
    /// moved on while it was read.
    func call(ofThread state: RemoteAddress) -> UInt64? {
        if let address = frames[state], let frame = try? reader.frame(address, codes),
            let call = try? reader.runningCall(in: frame)
        {
            return call
        }
        codes.beginWalk()
        guard var address = try? reader.currentFrame(ofThread: state) else { return nil }
        for _ in 0..<ObjectReader.depthLimit where address != 0 {
            if let frame = try? reader.frame(address, codes), let call = try? reader.runningCall(in: frame) {
                frames[state] = address
                return call
            }
            address = (try? reader.outerFrame(of: address)) ?? 0
        }
        return nil
    }

    /// Forgets threads that are not among these.
    func keep(_ threads: [PythonThread]) {
        guard !frames.isEmpty else { return }
        frames = frames.filter { entry in threads.contains { $0.state == entry.key } }
    }
}

extension ObjectReader {
    /// The call that a frame of `thread_handler` runs; `nil` when the frame is another function's.
    ///
    /// Its list is one that waiting coroutines hold too: no two calls at once share it, but when a call is over the next one
    /// made may get its memory. The function it calls, a bound method of a context of its own, is made anew as well.
    fileprivate func runningCall(in frame: PythonFrame) throws(RemoteReadError) -> UInt64? {
        guard frame.code.role.contains(.bridgeThread) else { return nil }
        let (context, function) = (try local("task_context", of: frame), try local("func", of: frame))
        return context == 0 ? nil : context &* 0x9E37_79B9_7F4A_7C15 ^ function
    }
}
