import CPythonLayouts
import Observations
import TargetMemory

extension CensusDraft {
    /// The consumer that a task works for without serving it: one of whose methods it runs, or that it was handed.
    ///
    /// A consumer that no task serves is taken in: its connection is over, and this task keeps it alive.
    mutating func owner(
        of facts: TaskFacts, _ walker: TaskWalker, _ reader: ObjectReader, _ known: inout ConsumerClasses
    ) throws(RemoteReadError) -> RemoteAddress? {
        if let known = facts.owners.first(where: isKnown) { return known }
        guard facts.isLastConsumer, let object = facts.owners.last, let type = try reader.type(of: object) else {
            return nil
        }
        let kind = try known.read(type, reader, walker.codes)
        classes[type.address] = kind
        var row = ConsumerInstance(id: object, consumer: kind.name, socket: .closed, isServed: false)
        let channel = try walker.examiner.readAttributes(of: object, into: &row, reader)
        try walker.examiner.readWait(of: walker.chain(of: facts.task).links, into: &row, reader)
        take(ConsumerFacts(row: row, type: type.address, channel: channel))
        return object
    }
}
