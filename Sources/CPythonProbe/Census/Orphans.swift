import CPythonLayouts
import Observations
import TargetMemory

extension CensusDraft {
    /// Most locals of a task's outermost coroutine that are asked whether they are a consumer.
    private static let localLimit = 8

    /// The consumer that a task works for without serving it: one of whose methods it runs, or that it was handed.
    ///
    /// A consumer that no task serves is taken in: its connection is over, and this task keeps it alive.
    mutating func owner(
        of walked: WalkedTask, _ reader: ObjectReader, _ known: inout ConsumerClasses
    ) throws(RemoteReadError) -> RemoteAddress? {
        guard walked.task.state == .pending else { return nil }
        for (index, link) in walked.chain.links.enumerated() {
            let names = link.frame.code.localNames
            let isOutermost = index == 0 && link.frame.code.isApplication
            for name in names.prefix(isOutermost ? Self.localLimit : 1) where isOutermost || name == "self" {
                let object = try reader.local(name, of: link.frame)
                if instances[object] != nil { return object }
                if try isConsumer(object, reader) {
                    try adopt(object, walked.chain, reader, &known)
                    return object
                }
            }
        }
        return nil
    }

    private mutating func adopt(
        _ object: RemoteAddress, _ chain: CoroutineChain, _ reader: ObjectReader, _ known: inout ConsumerClasses
    ) throws(RemoteReadError) {
        guard let type = try reader.type(of: object) else { return }
        let kind = try known.read(type, reader, codes)
        classes[type.address] = kind
        var row = ConsumerInstance(id: object, consumer: kind.name, socket: .closed, isServed: false)
        try readAttributes(of: object, into: &row, reader)
        try readWait(of: chain.links, into: &row, reader)
        instances[object] = Instance(row: row, type: type.address)
    }

    /// Whether an object is a Channels consumer: its class derives from the base of all of them.
    private mutating func isConsumer(_ object: RemoteAddress, _ reader: ObjectReader) throws(RemoteReadError) -> Bool {
        guard object != 0, object & 7 == 0, let type = try reader.type(of: object) else { return false }
        if let answer = consumerTypes[type.address] { return answer }
        var answer = false
        for base in try reader.mro(type) where base.name == "AsyncConsumer" {
            if try reader.module(of: base) == "channels.consumer" { answer = true }
        }
        consumerTypes[type.address] = answer
        return answer
    }
}
