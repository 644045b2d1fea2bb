public import Observations

/// The methods of the consumer classes of a session, and what their code names.
public struct ConsumerCode: Hashable, Sendable {
    /// By class.
    public var methods: [String: [ConsumerMethod]]

    /// Groups methods by class; a class of several workers counts once.
    init(_ methods: [ConsumerMethod]) {
        var byClass: [String: [ConsumerMethod]] = [:]
        for method in methods where byClass[method.consumer]?.contains(where: { $0.name == method.name }) != true {
            byClass[method.consumer, default: []].append(method)
        }
        self.methods = byClass
    }

    /// A method of a class.
    public func method(_ name: String, of consumer: String) -> ConsumerMethod? {
        methods[consumer]?.first { $0.name == name }
    }

    /// The first method of a class whose code names one of `names`.
    public func user(of names: Set<String>, in consumer: String) -> ConsumerMethod? {
        methods[consumer]?.first { !names.isDisjoint(with: $0.uses) }
    }

    /// The classes with a method that names one of `names` while none names any of `others`, with that method.
    public func users(of names: Set<String>, without others: Set<String>) -> [ConsumerMethod] {
        methods.keys.sorted().compactMap { consumer in
            user(of: others, in: consumer) == nil ? user(of: names, in: consumer) : nil
        }
    }
}
