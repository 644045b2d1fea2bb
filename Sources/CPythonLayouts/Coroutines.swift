public import TargetMemory

/// The chain of coroutines that a task runs, outermost first, and what the innermost waits for.
public struct CoroutineChain: Sendable {
    /// One link: a coroutine, a generator or an asynchronous generator.
    public struct Link: Sendable {
        /// The object.
        public var object: RemoteAddress
        /// Its frame.
        public var frame: PythonFrame
    }

    /// The links, outermost first.
    public var links: [Link] = []
    /// The object the innermost link waits for: a future, an iterator; 0 when it does not wait.
    public var waitsFor: RemoteAddress = 0
    /// Whether it runs now.
    public var isExecuting = false
    func contains(_ object: RemoteAddress) -> Bool { links.contains { $0.object == object } }

    /// Leaves the innermost link out, which cannot be read.
    public mutating func cutInnermost() {
        links.removeLast()
        waitsFor = 0
        isWhole = false
    }

    /// Whether it fits together: a chain that moved on while it was read may be cut short, or have a link twice.
    public var isWhole = true
}

/// What a coroutine is doing.
enum CoroutineState {
    /// Not begun.
    case created
    /// Suspended by a plain `yield`.
    case suspended
    /// Suspended, and may wait for another.
    case waiting
    case executing
    case ended
}

extension ObjectReader {
    /// Most links of a chain.
    public static let chainLimit = 256

    /// What a type's objects are to a chain.
    private enum Awaitable {
        /// Has a frame of its own.
        case frame
        /// Stands for an object with a frame, at this offset.
        case wrapper(Int)
        /// A future, an iterator, an object with `__await__`.
        case end
    }

    private func awaitable(_ type: TypeInfo) -> Awaitable {
        switch type.name {
        case "coroutine", "generator", "async_generator": .frame
        case "coroutine_wrapper", "async_generator_asend", "async_generator_athrow": .wrapper(16)
        default: .end
        }
    }

    /// Follows a coroutine to what it waits for at last. One that moves on meanwhile may lead nowhere: there the chain
    /// ends, and is not whole.
    ///
    /// - Throws: when the process can no longer be read.
    public func chain(of coroutine: RemoteAddress, _ codes: CodeTable) throws(RemoteReadError) -> CoroutineChain {
        var chain = CoroutineChain()
        if try ifThere({ () throws(RemoteReadError) in try follow(coroutine, codes, &chain) }) == nil {
            chain.isWhole = false
        }
        return chain
    }

    private func follow(
        _ coroutine: RemoteAddress, _ codes: CodeTable, _ chain: inout CoroutineChain
    ) throws(RemoteReadError) {
        var current = coroutine
        var steps = 0
        // A chain is short: looking through its links costs less than a set of them.
        while current != 0, steps < 2 * Self.chainLimit, chain.links.count < Self.chainLimit, !chain.contains(current) {
            steps += 1
            guard let type = try type(of: current) else { break }
            switch awaitable(type) {
            case .wrapper(let offset): current = try word(current, offset)
            case .end:
                chain.waitsFor = current
                return
            case .frame:
                guard let frameAddress = try frameAddress(of: current), let frame = try frame(frameAddress, codes)
                else {
                    // It has ended, or was read while it stepped.
                    chain.isWhole = false
                    return
                }
                chain.links.append(.init(object: current, frame: frame))
                switch try state(of: current, frame) {
                case .waiting:
                    // A coroutine that waits does not run: it was read before, and the one outside it after.
                    if chain.isExecuting { chain.isWhole = false }
                    current = try awaited(by: frame)
                    if current == 0 { chain.isWhole = false }
                case .executing:
                    chain.isExecuting = true
                    guard let inner = try executingChild(of: frame, chain) else {
                        // A frame that runs no coroutine of its own is the innermost: nothing to wait for.
                        return
                    }
                    current = inner
                case .created, .suspended, .ended: return
                }
            }
        }
    }

    /// The qualified name of a link: before 3.11 only the coroutine knows it, not its code.
    public func qualifiedName(_ link: CoroutineChain.Link) throws(RemoteReadError) -> String {
        if link.frame.code.isQualified { return link.frame.code.qualifiedName }
        return try string(try word(link.object, layout.generator.qualifiedName)) ?? link.frame.code.name
    }

    /// The frame of a generator-like object; `nil` when it has ended.
    func frameAddress(of object: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        if layout.generator.isFrameInline { return object &+ UInt64(layout.generator.frame) }
        let frame = try word(object, layout.generator.frame)
        return frame == 0 ? nil : frame
    }

    func state(of object: RemoteAddress, _ frame: PythonFrame) throws(RemoteReadError) -> CoroutineState {
        guard let offset = layout.generator.state ?? layout.frame.state else { return .ended }
        let value = Int(Int8(bitPattern: try byte(layout.generator.state == nil ? frame.address : object, offset)))
        if layout.minor == 9 {  // f_executing
            if value == 1 { return .executing }
            return try word(frame.address, layout.frame.stackTop) == 0 ? .ended : .waiting
        }
        // internal/pycore_frame.h FRAME_*: 3.13 put FRAME_SUSPENDED (-2) below FRAME_SUSPENDED_YIELD_FROM (-1).
        switch value {
        case 0: return .executing
        case -1: return .waiting
        case -2: return layout.minor >= 13 ? .suspended : .created
        case ..<0: return .created
        default: return .ended
        }
    }

    /// What a suspended frame waits for (`_PyGen_yf`, Objects/genobject.c), or 0.
    func awaited(by frame: PythonFrame) throws(RemoteReadError) -> RemoteAddress {
        let fields = layout.frame
        let code = frame.code.bytecode
        switch layout.minor {
        case 9, 10:
            let last = Int(try int32(frame.address, fields.instruction))
            let index = layout.minor == 9 ? last / 2 : last
            guard last >= 0, index + 1 < code.units,
                layout.opcodes.await.contains(try byte(code.start, 2 * (index + 1))), let stack = fields.valueStack
            else { return 0 }
            if layout.minor == 9 { return try word(try word(frame.address, fields.stackTop), -8) }
            let depth = Int(try int32(frame.address, fields.stackTop))
            guard depth > 0, depth <= Self.slotLimit else { return 0 }
            return try word(try word(frame.address, stack), 8 * (depth - 1))
        case 11, 12:
            let next = frame.unit + 1
            // RESUME with 2 (yield from) or 3 (await): a plain yield keeps something else on top.
            guard next < code.units, layout.opcodes.resume.contains(try byte(code.start, 2 * next)),
                try byte(code.start, 2 * next + 1) & 3 >= 2
            else { return 0 }
            return try topOfStack(frame)
        case 13:
            return try topOfStack(frame)
        default:
            return untagged(try word(try word(frame.address, fields.stackTop), -8))
        }
    }

    private func topOfStack(_ frame: PythonFrame) throws(RemoteReadError) -> RemoteAddress {
        let top = Int(try int32(frame.address, layout.frame.stackTop))
        guard top > 0, top <= 2 * Self.slotLimit else { return 0 }
        return untagged(try word(frame.address, layout.frame.locals + 8 * (top - 1)))
    }

    /// The coroutine that an executing frame runs: the one on its value stack that executes too, topmost first; or,
    /// when the target moved on meanwhile, one that waits.
    ///
    /// Slots above the stack's top are stale, so the object must be alive.
    private func executingChild(
        of frame: PythonFrame, _ chain: CoroutineChain
    ) throws(RemoteReadError) -> RemoteAddress? {
        let names = frame.code.localNames.count
        let start =
            try layout.frame.valueStack.map { (offset) throws(RemoteReadError) in try word(frame.address, offset) }
            ?? frame.address &+ UInt64(layout.frame.locals + 8 * names)
        var waiting: RemoteAddress?
        for slot in (0..<min(frame.code.stackSize, 256)).reversed() {
            var object = untagged(try word(start, 8 * slot))
            guard object != 0, object & 7 == 0, var type = try? type(of: object) else { continue }
            if case .wrapper(let offset) = awaitable(type) {
                object = try word(object, offset)
                guard object != 0, let inner = try? self.type(of: object) else { continue }
                type = inner
            }
            guard case .frame = awaitable(type), !chain.contains(object), let address = try frameAddress(of: object)
            else { continue }
            switch try activity(RawState(address: address, object: object)) {
            case .executing: return object
            case .waiting: waiting = waiting ?? object
            default: break
            }
        }
        return waiting
    }

    private struct RawState {
        var address: RemoteAddress
        var object: RemoteAddress
    }

    private func activity(_ child: RawState) throws(RemoteReadError) -> CoroutineState {
        guard let offset = layout.generator.state ?? layout.frame.state else { return .ended }
        let value = Int8(
            bitPattern: try byte(layout.generator.state == nil ? child.address : child.object, offset))
        if layout.minor == 9 {
            if value == 1 { return .executing }
            return try word(child.address, layout.frame.stackTop) == 0 ? .ended : .waiting
        }
        return value == 0 ? .executing : value == -1 ? .waiting : .ended
    }
}
