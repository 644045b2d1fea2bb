import CPythonLayouts
import Observations
import TargetMemory

/// Puts a window into words: the stacks that were counted, as samples, without those whose code objects have gone meanwhile.
///
/// One thread; another than the sampler's, where the sampler must not wait.
final class StackDrawing {
    private let reader: ObjectReader
    /// The code objects of a window are mostly those of the window before: they are compared in one read.
    private let codes: ReadAhead
    private let pid: Int32

    init(_ process: PythonProcess) {
        codes = ReadAhead(process.memory)
        reader = ObjectReader(codes, layout: process.layout)
        pid = process.pid
    }

    /// What was seen; the table is renewed.
    func draw(_ tally: inout StackTally) -> StackSampler.Window {
        var window = StackSampler.Window(
            quality: tally.quality, loops: tally.loops, blocks: tally.blocks, stops: tally.stops)
        codes.beginWalk()
        tally.withTable { table, tally in
            let taken = max(1, table.entries.reduce(0) { $0 + $1.count })
            let length = (tally.end - tally.start).count
            let weight = tally.interval?.count ?? length / Int64(taken) * Int64(max(1, tally.watched))
            var places: [StackSample.Likeness: Int] = [:]
            // What is known of each code object in this window.
            var unchanged: [RemoteAddress: Bool] = [:]
            for entry in table.entries where entry.count > 0 {
                guard isStillValid(entry, in: table, &unchanged) else {
                    window.quality.taken -= entry.count
                    window.quality.torn += entry.count
                    continue
                }
                let tag = table.words(of: entry).first ?? 0
                let thread = tally.threads[tag >> 2] ?? (0, "")
                let sample = StackSample(
                    time: tally.end, pid: pid, tid: thread.tid, thread: thread.name,
                    activity: tag & 1 == 1 ? .idle : .running, holdsGIL: tag & 2 != 0, stack: entry.trace,
                    count: entry.count, weight: Nanoseconds(weight * Int64(entry.count)))
                // Two places on one line make one stack.
                if let place = Self.place(of: sample, in: window.stacks, &places) {
                    window.stacks[place].count += sample.count
                    window.stacks[place].weight = window.stacks[place].weight + sample.weight
                } else {
                    window.stacks.append(sample)
                }
            }
            table.renew()
        }
        return window
    }

    /// Few stacks are compared one by one, as in a dump, which then needs no table of them: see `StackResolver.Place`.
    private static let fewStacks = 8

    /// Where a sample like this one is; `nil` when it is the first, which is to be put at the end.
    private static func place(
        of sample: StackSample, in stacks: [StackSample], _ places: inout [StackSample.Likeness: Int]
    ) -> Int? {
        let likeness = sample.likeness
        if stacks.count < fewStacks { return stacks.firstIndex { $0.likeness == likeness } }
        if places.isEmpty { for (place, known) in stacks.enumerated() { places[known.likeness] = place } }
        if let place = places[likeness] { return place }
        places[likeness] = stacks.count
        return nil
    }

    /// Whether all code objects of a stack are still those that were read.
    private func isStillValid(
        _ entry: StackTable.Entry, in table: borrowing StackTable, _ unchanged: inout [RemoteAddress: Bool]
    ) -> Bool {
        let words = table.words(of: entry)
        for index in stride(from: words.startIndex + 1, to: words.endIndex - 1, by: 2) {
            let address = words[index] & ~1
            if let known = unchanged[address] {
                if known { continue } else { return false }
            }
            let isSame = !table.reused.contains(address) && table.codes[address].map(reader.isUnchanged) ?? false
            unchanged[address] = isSame
            if !isSame { return false }
        }
        return true
    }
}
