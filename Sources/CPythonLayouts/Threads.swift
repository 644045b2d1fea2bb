public import TargetMemory

/// One thread that runs Python.
public struct PythonThread: Hashable, Sendable {
    /// Its `PyThreadState`.
    public var state: RemoteAddress
    /// Its interpreter.
    public var interpreter: RemoteAddress
    /// The kernel's id as the thread itself sees it: inside a container, the container's number.
    public var tid: Int32
}

extension ObjectReader {
    /// Most threads and interpreters that are walked.
    public static let threadLimit = 4096

    /// The interpreters of the process, the main one among them.
    public func interpreters(runtime: RemoteAddress) throws(RemoteReadError) -> [RemoteAddress] {
        try walk(from: try word(runtime, layout.runtime.interpretersHead), next: layout.interpreter.next)
    }

    /// The threads of an interpreter.
    public func threads(interpreter: RemoteAddress) throws(RemoteReadError) -> [PythonThread] {
        var threads: [PythonThread] = []
        for state in try walk(
            from: try word(interpreter, layout.interpreter.threadsHead), next: layout.thread.next)
        {
            threads.append(.init(state: state, interpreter: interpreter, tid: try threadID(state)))
        }
        return threads
    }

    /// The current frame of a thread, or 0.
    public func currentFrame(ofThread state: RemoteAddress) throws(RemoteReadError) -> RemoteAddress {
        let frame = try word(state, layout.thread.frame)
        guard let offset = layout.thread.cframeCurrent else { return frame }
        return frame == 0 ? 0 : try word(frame, offset)
    }

    /// The stack of a thread, innermost frame first. The thread may move on meanwhile: for walks over a snapshot.
    public func stack(ofThread state: RemoteAddress, _ codes: CodeTable) throws(RemoteReadError) -> [PythonFrame] {
        var frames: [PythonFrame] = []
        var address = try currentFrame(ofThread: state)
        var seen: Set<RemoteAddress> = []
        while address != 0, frames.count < Self.depthLimit, seen.count < 2 * Self.depthLimit,
            seen.insert(address).inserted
        {
            if let frame = try frame(address, codes) { frames.append(frame) }
            address = try word(address, layout.frame.previous)
        }
        return frames
    }

    /// The thread state that holds the interpreter's lock; 0 when it is free.
    public func lockHolder(runtime: RemoteAddress, interpreter: RemoteAddress) throws(RemoteReadError) -> RemoteAddress
    {
        guard let lock = try lock(runtime: runtime, interpreter: interpreter) else { return 0 }
        return try holder(ofLock: lock)
    }

    /// The thread state that holds a lock; 0 when it is free. One read.
    public func holder(ofLock lock: RemoteAddress) throws(RemoteReadError) -> RemoteAddress {
        // {last_holder, locked} lie together in all versions read (internal/pycore_gil.h).
        var words = (UInt64(0), Int64(0))
        try withUnsafeMutableBytes(of: &words) { (buffer) throws(RemoteReadError) in
            try memory.read(at: lock &+ UInt64(layout.gil.lastHolder), into: buffer)
        }
        return Int32(truncatingIfNeeded: words.1) == 1 ? words.0 : 0
    }

    /// The interpreter's lock.
    public func lock(runtime: RemoteAddress, interpreter: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        if let offset = layout.runtime.gil { return runtime &+ UInt64(offset) }
        guard let pointer = layout.interpreter.gilPointer else { return nil }
        let lock = try word(interpreter, pointer)
        return lock == 0 ? nil : lock
    }

    private func threadID(_ state: RemoteAddress) throws(RemoteReadError) -> Int32 {
        if let native = layout.thread.nativeIdentifier {
            return Int32(truncatingIfNeeded: try word(state, native))
        }
        // glibc on x86-64: struct pthread keeps its tid at 0x2d0 (nptl/descr.h), and pthread_t is its address.
        let thread = try word(state, layout.thread.identifier)
        return thread == 0 ? 0 : try int32(thread, 0x2D0)
    }

    /// The nodes of a singly linked list, each once.
    private func walk(from head: RemoteAddress, next: Int) throws(RemoteReadError) -> [RemoteAddress] {
        var nodes: [RemoteAddress] = []
        var seen: Set<RemoteAddress> = []
        var node = head
        while node != 0, nodes.count < Self.threadLimit, seen.insert(node).inserted {
            nodes.append(node)
            node = try word(node, next)
        }
        return nodes
    }
}
