import Observations

/// The stacks of a live session, those alike added up, in bounded memory.
///
/// When there are too many different ones, the lighter half of them lose the inner half of their frames, which makes many of
/// them alike. No time is lost: what a function shows too little, its callers have. The recording has them whole.
struct StackSums {
    /// Different stacks beyond which the light ones are cut.
    static let limit = 1024

    private var places: [StackSample.Likeness: Int] = [:]
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
        guard let place = places[likeness] else {
            places[likeness] = sums.count
            sums.append(sample)
            return
        }
        sums[place].count += sample.count
        sums[place].weight = sums[place].weight + sample.weight
        sums[place].time = max(sums[place].time, sample.time)
    }

    private mutating func shorten() {
        var depth = 0
        repeat {
            let heaviestFirst = sums.sorted { $0.weight > $1.weight }
            let kept = heaviestFirst.count / 2
            places.removeAll(keepingCapacity: true)
            sums.removeAll(keepingCapacity: true)
            depth = 0
            for (place, sample) in heaviestFirst.enumerated() {
                var sample = sample
                let frames = sample.stack.frames
                if place >= kept, frames.count > 1 { sample.stack = StackTrace(Array(frames.prefix(frames.count / 2))) }
                depth = max(depth, place >= kept ? sample.stack.frames.count : 0)
                sum(sample)
            }
        } while sums.count > Self.limit * 3 / 4 && depth > 1
    }
}
