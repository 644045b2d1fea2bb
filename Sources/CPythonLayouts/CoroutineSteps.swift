import TargetMemory

// From one coroutine of a chain to the next, while both may be moving.

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
    func state(of object: RemoteAddress, _ frame: RemoteAddress) throws(RemoteReadError) -> CoroutineState {
        guard let offset = layout.generator.state ?? layout.frame.state else { return .ended }
        let value = Int(Int8(bitPattern: try byte(layout.generator.state == nil ? frame : object, offset)))
        if layout.minor == 9 { return try state39(executing: value, frame) }
        // internal/pycore_frame.h FRAME_*: 3.13 put FRAME_SUSPENDED (-2) below FRAME_SUSPENDED_YIELD_FROM (-1), 3.15
        // counts from FRAME_CREATED.
        if layout.minor >= 15 {
            return switch value {
            case 0: .created
            case 1: .suspended
            case 2, 3: .waiting
            case 4: .executing
            default: .ended
            }
        }
        switch value {
        case 0: return .executing
        case -1: return .waiting
        case -2: return layout.minor >= 13 ? .suspended : .created
        case ..<0: return .created
        default: return .ended
        }
    }

    /// 3.9 has `f_executing`, and a stack pointer only in a frame that is suspended. One that has neither is between the two:
    /// a coroutine that has ended has no frame.
    private func state39(
        executing: Int, _ frame: RemoteAddress
    ) throws(RemoteReadError) -> CoroutineState {
        if executing == 1 { return .executing }
        return try word(frame, layout.frame.stackTop) == 0 ? .executing : .waiting
    }

    /// What a suspended frame waits for (`_PyGen_yf`, Objects/genobject.c), or 0; or what lies so many values below it.
    func awaited(by frame: PythonFrame, below: Int = 0) throws(RemoteReadError) -> RemoteAddress {
        let fields = layout.frame
        let code = frame.code.bytecode
        switch layout.minor {
        case 9, 10:
            let last = Int(try int32(frame.address, fields.instruction))
            let index = layout.minor == 9 ? last / 2 : last
            guard last >= 0, index + 1 < code.units,
                layout.opcodes.await.contains(try byte(code.start, 2 * (index + 1))), let stack = fields.valueStack
            else { return 0 }
            if layout.minor == 9 { return try word(try word(frame.address, fields.stackTop), -8 - 8 * below) }
            let depth = Int(try int32(frame.address, fields.stackTop))
            guard depth > below, depth <= Self.slotLimit else { return 0 }
            return try word(try word(frame.address, stack), 8 * (depth - 1 - below))
        case 11, 12:
            let next = frame.unit + 1
            // RESUME with 2 (yield from) or 3 (await): a plain yield keeps something else on top.
            guard next < code.units, layout.opcodes.resume.contains(try byte(code.start, 2 * next)),
                try byte(code.start, 2 * next + 1) & 3 >= 2
            else { return 0 }
            return try topOfStack(frame, below)
        case 13:
            return try topOfStack(frame, below)
        case 14:
            return untagged(try word(try word(frame.address, fields.stackTop), -8 - 8 * below))
        default:
            // SEND of 3.15 keeps a place for an index above what it waits for.
            return untagged(try word(try word(frame.address, fields.stackTop), -16 - 8 * below))
        }
    }

    private func topOfStack(_ frame: PythonFrame, _ below: Int) throws(RemoteReadError) -> RemoteAddress {
        let top = Int(try int32(frame.address, layout.frame.stackTop)) - below
        guard top > 0, top <= 2 * Self.slotLimit else { return 0 }
        return untagged(try word(frame.address, layout.frame.locals + 8 * (top - 1)))
    }

    /// The coroutine that an executing frame runs: the one on its value stack that executes too, topmost first; or,
    /// when the target moved on meanwhile, one that waits.
    ///
    /// Slots above the stack's top are stale, so the object must be alive, and have a frame.
    func executingChild(
        of frame: PythonFrame, _ chain: CoroutineChain, _ codes: CodeTable
    ) throws(RemoteReadError) -> RemoteAddress? {
        let names = frame.code.localNames.count
        let start =
            try layout.frame.valueStack.map { (offset) throws(RemoteReadError) in try word(frame.address, offset) }
            ?? frame.address &+ UInt64(layout.frame.locals + 8 * names)
        var waiting: RemoteAddress?
        for slot in (0..<min(frame.code.stackSize, 256)).reversed() {
            let value = untagged(try word(start, 8 * slot))
            // What a stale slot points to may be anything by now.
            let found = try ifThere { () throws(RemoteReadError) in try child(at: value, chain, codes) }
            switch found.flatMap({ $0 }) {
            case (let object, .executing)?: return object
            case (let object, .waiting)?: waiting = waiting ?? object
            default: break
            }
        }
        return waiting
    }

    /// The coroutine that a value on a stack is or stands for, if it may be the next of a chain, and what it is doing.
    private func child(
        at value: RemoteAddress, _ chain: CoroutineChain, _ codes: CodeTable
    ) throws(RemoteReadError) -> (object: RemoteAddress, state: CoroutineState)? {
        guard value != 0, value & 7 == 0, var type = try type(of: value) else { return nil }
        var object = value
        if case .wrapper(let offset) = awaitable(type) {
            object = try word(value, offset)
            guard object != 0, let inner = try self.type(of: object) else { return nil }
            type = inner
        }
        guard case .frame = awaitable(type), !chain.contains(object), let address = try frameAddress(of: object) else {
            return nil
        }
        let state = try state(of: object, address)
        guard state == .executing || state == .waiting, try frame(address, codes) != nil else { return nil }
        return (object, state)
    }
}
