import CPythonLayouts
import TargetMemory

/// What a task's frames say about the Channels consumer it serves. Source: channels/consumer.py, channels/utils.py.
struct ConsumerSighting {
    /// The consumer instance.
    var instance: RemoteAddress
    /// Its class.
    var type: TypeInfo
    /// The frame of `await_many_dispatch`; `nil` before it is reached.
    var loop: PythonFrame?
    /// The links inside `await_many_dispatch`.
    var inner: ArraySlice<CoroutineChain.Link>
}

/// The message a dispatch loop took last. Its type and two facts, nothing of its content.
struct LastMessage {
    var type: String
    var hasReason: Bool
}

extension ObjectReader {
    /// The consumer that a chain serves; `nil` when it serves none.
    func consumer(of chain: CoroutineChain) throws(RemoteReadError) -> ConsumerSighting? {
        for (index, link) in chain.links.enumerated() {
            if link.frame.code.role.contains(.dispatchLoop) {
                let before = index > 0 ? chain.links[index - 1].frame : nil
                guard let instance = try consumer(loop: link.frame, caller: before),
                    let type = try consumerType(of: instance)
                else { return nil }
                return .init(
                    instance: instance, type: type, loop: link.frame, inner: chain.links[(index + 1)...])
            }
        }
        guard let call = chain.links.last(where: { $0.frame.code.role.contains(.consumerCall) }) else { return nil }
        let instance = try local("self", of: call.frame)
        guard instance != 0, let type = try consumerType(of: instance) else { return nil }
        return .init(instance: instance, type: type, loop: nil, inner: [])
    }

    /// The class of what should be a consumer; `nil` when it has no `dispatch`.
    ///
    /// A frame that ends while it is read leaves the address of a bound method, and CPython makes the next one there
    /// (Objects/classobject.c `free_list`, in 3.14 `_Py_freelists`): its receiver may be anything, a lock say.
    private func consumerType(of instance: RemoteAddress) throws(RemoteReadError) -> TypeInfo? {
        guard let type = try type(of: instance), try has("dispatch", type) else { return nil }
        return type
    }

    /// The consumer class that a thread serves at this moment, and the type of the message it handles; `nil` when it
    /// serves none.
    func served(
        byThread state: RemoteAddress, _ codes: CodeTable
    ) throws(RemoteReadError) -> (consumer: String?, message: String?)? {
        let stack = try stack(ofThread: state, codes)
        for (index, frame) in stack.enumerated()
        where frame.code.role.contains(.dispatchLoop) {
            let caller = index + 1 < stack.count ? stack[index + 1] : nil
            guard let instance = try consumer(loop: frame, caller: caller), let type = try consumerType(of: instance)
            else { return nil }
            return (try qualifiedName(type), try lastMessage(of: frame)?.type)
        }
        return nil
    }

    /// The instance: `self` of the consumer's `__call__`, or the receiver of the bound `dispatch`.
    private func consumer(loop: PythonFrame, caller: PythonFrame?) throws(RemoteReadError) -> RemoteAddress? {
        if let caller, caller.code.role.contains(.consumerCall) {
            let instance = try local("self", of: caller)
            if instance != 0 { return instance }
        }
        return try receiver(of: try local("dispatch", of: loop), depth: 4)
    }

    /// The object that a callable is bound to, through partials.
    func receiver(of callable: RemoteAddress, depth: Int) throws(RemoteReadError) -> RemoteAddress? {
        switch try self.callable(callable) {
        case .method(_, let receiver): return receiver
        case .partial(let inner, let arguments):
            // A synchronous consumer's dispatch is bound as the first argument (asgiref.sync SyncToAsync.__get__).
            if let first = try tuple(arguments, limit: 1)?.first { return first }
            return depth > 0 ? try receiver(of: inner, depth: depth - 1) : nil
        default: return nil
        }
    }

    /// The message that a dispatch loop took last.
    func lastMessage(of loop: PythonFrame) throws(RemoteReadError) -> LastMessage? {
        let result = try local("result", of: loop)
        guard let entries = try? dict(result, limit: 64), let type = try value("type", in: entries),
            let text = try string(type, limit: 128)
        else { return nil }
        return LastMessage(type: text, hasReason: try value("reason", in: entries) != nil)
    }

    /// The connection that a chain serves, and how to read it: from the outermost frame that knows it.
    func connection(
        of chain: CoroutineChain, _ known: (TypeInfo) throws(RemoteReadError) -> ServerKnowledge?
    ) throws(RemoteReadError) -> (RemoteAddress, ServerKnowledge)? {
        for link in chain.links.prefix(16) {
            for object in [try local("self", of: link.frame), try sender(of: link.frame)] where object != 0 {
                if let type = try type(of: object), let server = try known(type) { return (object, server) }
            }
        }
        return nil
    }

    /// What the frame's `send` is bound to: the server's connection, unless a middleware wrapped it.
    private func sender(of frame: PythonFrame) throws(RemoteReadError) -> RemoteAddress {
        let send = try local("send", of: frame)
        return send == 0 ? 0 : try receiver(of: send, depth: 4) ?? 0
    }
}
