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

extension ObjectReader {
    /// Most links of a chain.
    public static let chainLimit = 256

    /// What a type's objects are to a chain.
    enum Awaitable {
        /// Has a frame of its own.
        case frame
        /// Stands for an object with a frame, at this offset.
        case wrapper(Int)
        /// Hands everything on to a coroutine that it has as an attribute.
        case interceptor
        /// A future, an iterator, an object with `__await__`.
        case end
    }

    func awaitable(_ type: TypeInfo) -> Awaitable {
        switch type.name {
        case "coroutine", "generator", "async_generator": .frame
        case "coroutine_wrapper", "async_generator_asend", "async_generator_athrow": .wrapper(16)
        // PyPI's taskgroup, asyncio's task groups for 3.9 and 3.10: tasks of hypercorn there run one (tasks.py).
        case "_Interceptor" where type.isHeapType: .interceptor
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
            case .interceptor: current = try attribute("_Interceptor__coro", of: current) ?? 0
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
                switch try state(of: current, frameAddress) {
                case .waiting:
                    // A coroutine that waits does not run: it was read before, and the one outside it after.
                    if chain.isExecuting { chain.isWhole = false }
                    current = try awaited(by: frame)
                    // Nobody waits for None: it is what the coroutine is resumed with, and lies on what it waits for; in 3.15
                    // with a place between them that holds no object.
                    let isResumed = layout.minor >= 15 ? current == 0 : try isNone(current)
                    if isResumed {
                        chain.isWhole = false
                        current = try awaited(by: frame, below: 1)
                    }
                    if current == 0 { return }
                case .executing:
                    chain.isExecuting = true
                    guard let inner = try executingChild(of: frame, chain, codes) else {
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
}
