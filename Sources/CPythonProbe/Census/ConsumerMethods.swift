import CPythonLayouts
import Observations
import TargetMemory

extension ConsumerClasses {
    /// Most classes and methods that are read.
    private static let (classLimit, methodLimit, nameLimit) = (1024, 128, 256)

    /// The consumer classes that live now and were not read before: all that derive from Channels' base class.
    mutating func survey(
        interpreter: RemoteAddress, _ reader: ObjectReader, _ codes: CodeTable
    ) throws(RemoteReadError) {
        guard let module = try reader.module("channels.consumer", interpreter: interpreter),
            let base = try reader.value("AsyncConsumer", in: module), let type = try reader.type(at: base)
        else { return }
        var found: Set<RemoteAddress> = [type.address]
        var next = [type]
        while let type = next.popLast(), found.count < Self.classLimit {
            for subclass in try reader.subclasses(type) where found.insert(subclass.address).inserted {
                next.append(subclass)
                // A class may be half made, or go away: then it is passed over.
                _ = try? read(subclass, reader, codes)
            }
        }
    }

    /// The methods of a class that are not Channels' own, each from the first class of the MRO that has it.
    func methods(
        of type: TypeInfo, named consumer: String, at now: Moment, pid: Int32, _ reader: ObjectReader,
        _ codes: CodeTable
    ) throws(RemoteReadError) -> [ConsumerMethod] {
        var seen: Set<String> = []
        var methods: [ConsumerMethod] = []
        for owner in try reader.mro(type) {
            guard let module = try reader.module(of: owner) else { continue }
            if module == "channels" || module.hasPrefix("channels.") || module == "builtins" { continue }
            for entry in try reader.members(of: owner) where methods.count < Self.methodLimit {
                guard let name = try reader.string(entry.key, limit: 128), seen.insert(name).inserted,
                    let function = try function(in: entry.value, reader)
                else { continue }
                guard let place = try innermostPlace(of: function, reader, codes) else { continue }
                methods.append(
                    ConsumerMethod(
                        time: now, pid: pid, consumer: consumer, name: name, location: place.location,
                        uses: Array(place.uses.prefix(Self.nameLimit))))
            }
        }
        return methods
    }

    /// The function that a decorator's wrapper ends in: the one that the user wrote under this name.
    private func innermostPlace(
        of function: RemoteAddress, _ reader: ObjectReader, _ codes: CodeTable
    ) throws(RemoteReadError) -> (location: CodeLocation, uses: [String])? {
        guard let inner = try reader.functions(wrappedBy: function).last,
            let address = try reader.code(ofFunction: inner), let code = try codes.code(address, reader),
            let location = try place(of: inner, reader, codes)
        else { return nil }
        var uses = try reader.names(of: code).filter { !$0.isEmpty && !$0.contains(" ") }
        // Which groups: the only constants that are kept, and only where one is joined.
        if uses.contains("group_add") {
            uses += try reader.stringConstants(of: code).filter { !$0.isEmpty && $0.allSatisfy(\.isInGroupNames) }
                .map { "'\($0)'" }
        }
        return (location, uses)
    }
}

extension Character {
    /// What Channels allows in a group's name: ASCII letters and digits, `-`, `_`, `.`.
    fileprivate var isInGroupNames: Bool { isASCII && (isLetter || isNumber || "-_.".contains(self)) }
}
