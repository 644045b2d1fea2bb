public import TargetMemory

/// A callable taken apart.
public enum Callable: Hashable, Sendable {
    /// A Python function.
    case function(RemoteAddress)
    /// A function bound to an object.
    case method(function: RemoteAddress, receiver: RemoteAddress)
    /// `functools.partial` of another callable.
    case partial(callable: RemoteAddress, arguments: RemoteAddress)
    /// Anything else.
    case other
}

extension ObjectReader {
    /// Takes a callable apart.
    public func callable(_ object: RemoteAddress) throws(RemoteReadError) -> Callable {
        guard object != 0, let type = try type(of: object) else { return .other }
        switch type.name {
        case "function": return .function(object)
        case "method": return .method(function: try word(object, 16), receiver: try word(object, 24))
        case "functools.partial": return .partial(callable: try word(object, 16), arguments: try word(object, 24))
        case "staticmethod", "classmethod": return try callable(try word(object, 16), depth: 1)
        default: return .other
        }
    }

    private func callable(_ object: RemoteAddress, depth: Int) throws(RemoteReadError) -> Callable {
        guard object != 0, try type(of: object)?.name == "function" else { return .other }
        return .function(object)
    }

    /// The code object of a function.
    public func code(ofFunction function: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        guard function != 0, try type(of: function)?.name == "function" else { return nil }
        return try word(function, layout.function.code)
    }

    /// A function, and the functions it wraps (`__wrapped__`), outermost first.
    public func functions(wrappedBy function: RemoteAddress) throws(RemoteReadError) -> [RemoteAddress] {
        var functions: [RemoteAddress] = []
        var current = function
        while functions.count < 8, current != 0, try type(of: current)?.name == "function" {
            functions.append(current)
            let namespace = try word(current, layout.function.dict)
            current = namespace == 0 ? 0 : try value("__wrapped__", in: namespace) ?? 0
        }
        return functions
    }

    /// `Class.method` as the function says it itself.
    public func qualifiedName(ofFunction function: RemoteAddress) throws(RemoteReadError) -> String? {
        guard function != 0, try type(of: function)?.name == "function" else { return nil }
        return try string(try word(function, layout.function.qualifiedName))
    }

    /// What the cells of a function's closure hold.
    public func closure(ofFunction function: RemoteAddress) throws(RemoteReadError) -> [RemoteAddress] {
        guard function != 0, try type(of: function)?.name == "function" else { return [] }
        var values: [RemoteAddress] = []
        for cell in try tuple(try word(function, layout.function.closure), limit: 64) ?? [] {
            values.append(try contents(ofCell: cell))
        }
        return values
    }

    /// What a cell holds; anything that is no cell is returned as it is.
    func contents(ofCell object: RemoteAddress) throws(RemoteReadError) -> RemoteAddress {
        guard object != 0, try type(of: object)?.name == "cell" else { return object }
        return try word(object, 16)
    }

    /// The object a weak reference points to, or 0.
    func referent(_ reference: RemoteAddress) throws(RemoteReadError) -> RemoteAddress {
        guard reference != 0 else { return 0 }
        let type = try word(reference, 8)
        if type != weakReference {
            guard let info = try self.type(at: type), try isWeakReference(info) else { return 0 }
            weakReference = type
        }
        return try word(reference, 16)
    }
}

extension ObjectReader {
    /// `weakref` up to 3.11, `weakref.ReferenceType` after.
    private func isWeakReference(_ type: TypeInfo) throws(RemoteReadError) -> Bool {
        if try isSubtype(type, of: "weakref.ReferenceType") { return true }
        return try isSubtype(type, of: "weakref")
    }
}
