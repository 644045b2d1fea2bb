import CPythonLayouts
import Observations
import RemoteProcess
import TargetMemory

/// What is known of a consumer class: where it departs from Channels' own behaviour.
struct ConsumerClass {
    /// `chat.consumers.ChatConsumer`.
    var name: String
    /// The override to look at, if there is one.
    var override: CodeLocation?
}

/// Reads consumer classes, each once.
///
/// One thread.
struct ConsumerClasses {
    private var known: [RemoteAddress: ConsumerClass] = [:]
    private var methods: [ConsumerMethod] = []
    private let pid: Int32
    let sources: TargetSources
    /// When classes that are read now were read.
    var now = Moment(nanoseconds: 0)

    init(_ sources: TargetSources, pid: Int32) {
        self.sources = sources
        self.pid = pid
    }

    /// The methods of the classes that were read since this was last asked.
    mutating func takeMethods() -> [ConsumerMethod] {
        defer { methods = [] }
        return methods
    }

    /// The class of a type object.
    mutating func read(_ type: TypeInfo, _ reader: ObjectReader, _ codes: CodeTable) throws(RemoteReadError)
        -> ConsumerClass
    {
        let name = try reader.qualifiedName(type)
        // Another class may have taken a dead one's place.
        if let found = known[type.address], found.name == name { return found }
        let found = ConsumerClass(name: name, override: try override(in: type, reader, codes))
        known[type.address] = found
        if let more = try? self.methods(of: type, named: name, at: now, pid: pid, reader, codes) { methods += more }
        return found
    }

    /// The override that decides how a stop ends: a `dispatch` with an `except` around its call, else
    /// `websocket_disconnect`, else any `dispatch`.
    private func override(
        in type: TypeInfo, _ reader: ObjectReader, _ codes: CodeTable
    ) throws(RemoteReadError) -> CodeLocation? {
        let dispatch = try location(of: "dispatch", in: type, reader, codes)
        if dispatch?.handlerLine != nil { return dispatch }
        return try location(of: "websocket_disconnect", in: type, reader, codes) ?? dispatch
    }

    /// Where a method that is not Channels' own is defined: the class it is found in, which may be a base or a mixin.
    private func location(
        of method: String, in type: TypeInfo, _ reader: ObjectReader, _ codes: CodeTable
    ) throws(RemoteReadError) -> CodeLocation? {
        guard let (owner, member) = try reader.resolve(method, in: type),
            let module = try reader.module(of: owner), module != "channels", !module.hasPrefix("channels.")
        else { return nil }
        guard let function = try function(in: member, reader) else {
            return CodeLocation(function: "\(owner.name).\(method)")
        }
        // A decorator's wrapper is to blame only when it is the one that catches.
        var places: [CodeLocation] = []
        for function in try reader.functions(wrappedBy: function) {
            if let place = try place(of: function, reader, codes) { places.append(place) }
        }
        return places.first { $0.handlerLine != nil } ?? places.last
            ?? CodeLocation(function: "\(owner.name).\(method)")
    }

    func place(
        of function: RemoteAddress, _ reader: ObjectReader, _ codes: CodeTable
    ) throws(RemoteReadError) -> CodeLocation? {
        guard let address = try reader.code(ofFunction: function), let code = try codes.code(address, reader) else {
            return nil
        }
        var name = code.qualifiedName
        // Before 3.11 only the function is qualified, and a wrapper bears the name of what it wraps.
        if !code.isQualified, let full = try reader.qualifiedName(ofFunction: function),
            full == code.name || full.hasSuffix(".\(code.name)")
        {
            name = full
        }
        return CodeLocation(
            function: name, file: code.fileName, line: sources.definitionLine(of: code),
            handlerLine: try handlerLine(of: code, reader))
    }

    /// The function behind a member: itself, or what a descriptor of asgiref wraps (`SyncToAsync.func`).
    func function(in member: RemoteAddress, _ reader: ObjectReader) throws(RemoteReadError) -> RemoteAddress? {
        switch try reader.callable(member) {
        case .function(let function): return function
        case .method(let function, _): return function
        default:
            guard let inner = try reader.attribute("func", of: member) else { return nil }
            if case .function(let function) = try reader.callable(inner) { return function }
            return nil
        }
    }

    /// The `except` that covers the last call which can stop: an await, or, in a synchronous function, any.
    private func handlerLine(of code: CodeObject, _ reader: ObjectReader) throws(RemoteReadError) -> Int? {
        let names: Set<String> = ["Exception", "BaseException", "StopConsumer"]
        guard let handlers = try? reader.handlers(of: code) else { return nil }
        let calls = try reader.awaits(of: code)
        if calls.isEmpty {
            return handlers.lazy.compactMap { [$0].line(catching: names, raisedAt: $0.covers.lowerBound) }.first
        }
        return calls.lazy.compactMap { handlers.line(catching: names, raisedAt: $0) }.first
    }
}
