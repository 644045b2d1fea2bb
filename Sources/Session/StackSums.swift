import Observations

/// The stacks of a live session, those alike added up, in bounded memory.
///
/// When there are too many different ones, the lighter half of them lose the inner half of their frames, which makes many of
/// them alike; a frame that says so is put in their place, so that no function is given time that is another's. The recording
/// has them whole.
struct StackSums {
    /// Different stacks beyond which the light ones are cut: forty seconds at a hundred samples a second of which no two are alike.
    static let limit = 4096
    /// Stands for the frames that were cut.
    static let folded = Frame(kind: .logical, function: "[deeper frames, folded]")

    /// The newest of the sums whose likeness has a hash, by that hash; a tenth of what keys that hold the likeness would take.
    private var newest: [Int: Int32] = [:]
    /// For each sum the one before it with the same hash, or -1.
    private var before: [Int32] = []
    private(set) var sums: [StackSample] = []
    private var threshold = StackSums.limit

    /// Adds a sample.
    mutating func add(_ sample: StackSample) {
        sum(sample)
        guard sums.count > threshold else { return }
        shorten()
        // Where the frames are not what they differ in, cutting does not help, and is not tried at each sample.
        threshold = sums.count > Self.limit * 3 / 4 ? 2 * sums.count : Self.limit
    }

    private mutating func sum(_ sample: StackSample) {
        let likeness = sample.likeness
        let hash = likeness.hashValue
        let last = newest[hash] ?? -1
        var found = last
        while found >= 0, sums[Int(found)].likeness != likeness { found = before[Int(found)] }
        guard found >= 0 else {
            newest[hash] = Int32(truncatingIfNeeded: sums.count)
            before.append(last)
            sums.append(sample)
            return
        }
        let place = Int(found)
        sums[place].count += sample.count
        sums[place].weight = sums[place].weight + sample.weight
        sums[place].time = max(sums[place].time, sample.time)
    }

    private mutating func shorten() {
        var depth = 0
        repeat {
            let heaviestFirst = sums.sorted { $0.weight > $1.weight }
            let kept = heaviestFirst.count / 2
            newest.removeAll(keepingCapacity: true)
            before.removeAll(keepingCapacity: true)
            sums.removeAll(keepingCapacity: true)
            depth = 0
            for (place, sample) in heaviestFirst.enumerated() {
                var sample = sample
                if place >= kept {
                    let frames = sample.stack.frames
                    let left = frames.count - (frames.last == Self.folded ? 1 : 0)
                    if left > 1 { sample.stack = StackTrace(frames.prefix(left / 2) + [Self.folded]) }
                    depth = max(depth, left / 2)
                }
                sum(sample)
            }
        } while sums.count > Self.limit * 3 / 4 && depth > 1
    }
}
