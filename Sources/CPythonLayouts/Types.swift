public import TargetMemory

extension ObjectReader {
    /// No object has a type at an address that is not aligned.
    static let noTypes = [TypeInfo](
        repeating: TypeInfo(
            address: 1, name: "", flags: 0, basicSize: 0, dictOffset: 0, base: 0, namespace: 0, order: 0),
        count: 64)
}

/// What the walkers need of a type, read once.
public struct TypeInfo: Hashable, Sendable {
    /// The type object.
    public var address: RemoteAddress
    /// `tp_name`: bare for classes, `module.name` for types written in C.
    public var name: String
    var flags: UInt64
    var basicSize: Int
    var dictOffset: Int
    /// `tp_base`.
    public var base: RemoteAddress
    /// `tp_dict` and `tp_mro`: another class has others, and so has one that was given other bases.
    var namespace: RemoteAddress
    var order: RemoteAddress

    // cpython/object.h Py_TPFLAGS_*, the same in all versions read.
    private func has(_ bit: UInt64) -> Bool { flags >> bit & 1 == 1 }
    /// Whether it was made by a `class` statement, or as one is.
    public var isHeapType: Bool { has(9) }
    var isInteger: Bool { has(24) }
    var isList: Bool { has(25) }
    var isTuple: Bool { has(26) }
    var isString: Bool { has(28) }
    var isDict: Bool { has(29) }
    var isType: Bool { has(31) }
    var isSet: Bool { name == "set" || name == "frozenset" }
    var hasManagedDict: Bool { has(4) }
    var hasInlineValues: Bool { has(2) }
}

extension ObjectReader {
    /// Most bases walked from a type upwards.
    static let baseLimit = 64

    /// The type of an object; `nil` when what should be its type is not one.
    public func type(of object: RemoteAddress) throws(RemoteReadError) -> TypeInfo? {
        try type(at: try word(object, 8))
    }

    /// A type object; `nil` when it is none.
    public func type(at address: RemoteAddress) throws(RemoteReadError) -> TypeInfo? {
        let place = Int(truncatingIfNeeded: address >> 4) & 63
        if recentTypes[place].address == address { return recentTypes[place] }
        if let known = types[address] {
            recentTypes[place] = known
            return known
        }
        guard address != 0, address & 7 == 0 else { return nil }
        let flags = try word(address, layout.type.flags)
        // A type's own type is a type: `type`, or a metaclass.
        let metatype = try word(address, 8)
        guard metatype != 0, metatype & 7 == 0, try word(metatype, layout.type.flags) >> 31 & 1 == 1 else { return nil }
        let info = TypeInfo(
            address: address, name: try cString(try word(address, layout.type.name)), flags: flags,
            basicSize: try size(address, layout.type.basicSize), dictOffset: try size(address, layout.type.dictOffset),
            base: try word(address, layout.type.base), namespace: try word(address, layout.type.dict),
            order: try word(address, layout.type.mro))
        types[address] = info
        recentTypes[place] = info
        return info
    }

    /// Whether a type or one of its bases has this `tp_name`.
    public func isSubtype(_ type: TypeInfo, of name: String) throws(RemoteReadError) -> Bool {
        var current = type
        for _ in 0..<Self.baseLimit {
            if current.name == name { return true }
            guard current.base != 0, let base = try self.type(at: current.base) else { return false }
            current = base
        }
        return false
    }

    /// `module.Qualified.name` of a type.
    public func qualifiedName(_ type: TypeInfo) throws(RemoteReadError) -> String {
        guard type.isHeapType else { return type.name }
        let name = try string(try word(type.address, layout.type.qualifiedName)) ?? type.name
        guard let module = try module(of: type), module != "builtins" else { return name }
        return module + "." + name
    }

    /// The module a class says it is of.
    public func module(of type: TypeInfo) throws(RemoteReadError) -> String? {
        guard let value = try value("__module__", in: try word(type.address, layout.type.dict)) else { return nil }
        return try string(value)
    }

    /// The method resolution order, at most 256 types.
    public func mro(_ type: TypeInfo) throws(RemoteReadError) -> [TypeInfo] {
        var order: [TypeInfo] = []
        for address in try tuple(try word(type.address, layout.type.mro), limit: 256) ?? [] {
            if let type = try self.type(at: address) { order.append(type) }
        }
        return order
    }

    /// The classes that name a type as a base, at most `limit`: those that live now.
    ///
    /// cpython/object.h PyTypeObject: `tp_mro`, `tp_cache`, `tp_subclasses`, a dict of weak references.
    public func subclasses(_ type: TypeInfo, limit: Int = 4096) throws(RemoteReadError) -> [TypeInfo] {
        var found: [TypeInfo] = []
        for entry in try dict(try word(type.address, layout.type.mro + 16), limit: limit) ?? [] {
            if let subclass = try self.type(at: try referent(entry.value)) { found.append(subclass) }
        }
        return found
    }

    /// The names and values of a type's own namespace; empty for types written in C from 3.12 on.
    public func members(of type: TypeInfo) throws(RemoteReadError) -> [DictEntry] {
        let namespace = try word(type.address, layout.type.dict)
        return namespace == 0 ? [] : try dict(namespace, limit: 4096) ?? []
    }

    /// What a type's own namespace (not its bases') has under a name.
    public func member(_ name: String, of type: TypeInfo) throws(RemoteReadError) -> RemoteAddress? {
        let namespace = try word(type.address, layout.type.dict)
        // Built-in types keep it elsewhere from 3.12 on.
        return namespace == 0 ? nil : try value(name, in: namespace)
    }

    /// The first type in the method resolution order that has a member, and the member.
    public func resolve(_ name: String, in type: TypeInfo) throws(RemoteReadError) -> (
        owner: TypeInfo, member: RemoteAddress
    )? {
        for owner in try mro(type) {
            if let member = try member(name, of: owner) { return (owner, member) }
        }
        return nil
    }

    /// Whether a type or one of its bases has a member; looked up once a walk.
    public func has(_ name: String, _ type: TypeInfo) throws(RemoteReadError) -> Bool {
        if let answer = methods[name]?[type.address] { return answer }
        let answer = try resolve(name, in: type) != nil
        methods[name, default: [:]][type.address] = answer
        return answer
    }

    /// All attributes that an instance has itself.
    public func attributes(_ object: RemoteAddress) throws(RemoteReadError) -> [DictEntry] {
        guard let type = try type(of: object) else { return [] }
        guard layout.attributes != .dictOffset, type.hasManagedDict else {
            guard type.dictOffset > 0, type.dictOffset < 1 << 16 else { return [] }
            return try dict(try word(object, type.dictOffset)) ?? []
        }
        switch layout.attributes {
        case .dictOffset: return []
        case .twoWords:
            let values = try word(object, -32)
            return values == 0
                ? try dict(try word(object, -24)) ?? [] : try entries(ofKeys: cachedKeys(type), values: values)
        case .taggedWord:
            let either = try word(object, -24)
            return either & 1 == 0
                ? try dict(either) ?? [] : try entries(ofKeys: cachedKeys(type), values: either &+ 1)
        case .inline:
            let values = object &+ UInt64(truncatingIfNeeded: type.basicSize)
            if type.hasInlineValues, try byte(values, 3) != 0 {
                return try entries(ofKeys: cachedKeys(type), values: values &+ UInt64(layout.dict.values))
            }
            return try dict(try word(object, -24)) ?? []
        }
    }

    /// An attribute that an instance has itself.
    public func attribute(_ name: String, of object: RemoteAddress) throws(RemoteReadError) -> RemoteAddress? {
        guard object != 0 else { return nil }
        return try value(name, in: try attributes(object))
    }

    private func cachedKeys(_ type: TypeInfo) throws(RemoteReadError) -> RemoteAddress {
        try word(type.address, layout.type.cachedKeys)
    }
}

extension ObjectReader {
    /// Most types that are compared with the target again, rather than forgotten.
    private static let typeLimit = 4096

    /// Forgets the types and sets it remembers: the next walk sees them as they are then.
    public func forgetTypes() {
        types.removeAll(keepingCapacity: true)
        recentTypes = Self.noTypes
        members.removeAll()
        methods.removeAll()
        weakReference = 0
    }

    /// Begins another walk: reads the types it remembers again, and forgets sets.
    ///
    /// - Returns: whether all types are what they were. If not, what was concluded from them may be wrong now.
    public func recheckTypes() -> Bool {
        let known = types
        forgetTypes()
        guard known.count <= Self.typeLimit else { return false }
        for (address, type) in known {
            guard let now = try? self.type(at: address), now == type else { return false }
        }
        return true
    }
}
