import GRDB
import Observations

/// Gives frames, stacks and sightings their ids and stores each once. Used by the writer only, inside its transactions.
///
/// A transaction that fails leaves ids here that the file does not have: the writer then writes no more.
final class Interner {
    /// Most stacks remembered. Beyond it all is forgotten, and what comes again is stored again: a target whose stacks are
    /// never the same, or a hostile one, can make the file grow, not this process.
    static let limit = 1 << 12
    /// Samples between two times that the sums of the sightings are stored: a reader adds up at most so many.
    static let sumInterval = 1 << 16

    private var frames: [Frame: Int64] = [:]
    private var stacks: [StackTrace: Int64] = [:]
    private var places: [SightingKey: Int] = [:]
    private var sightings: [Sighting] = []
    private var unsummed = 0

    private let insertFrame: PreparedStatement
    private let insertStack: PreparedStatement
    private let insertStackFrame: PreparedStatement
    private let insertSighting: PreparedStatement
    private let updateSighting: PreparedStatement
    private let updateSummed: PreparedStatement
    private let database: Database

    /// Prepares the statements.
    init(in database: Database) throws {
        self.database = database
        insertFrame = try PreparedStatement(Frame.insertion, in: database)
        insertStack = try PreparedStatement("INSERT INTO stacks (depth, leaf) VALUES (?, ?)", in: database)
        insertStackFrame = try PreparedStatement("INSERT INTO stack_frames VALUES (?, ?, ?)", in: database)
        insertSighting = try PreparedStatement(StackSample.sightingInsertion, in: database)
        updateSighting = try PreparedStatement(
            "UPDATE sightings SET summed_count = ?, summed_weight_ns = ?, summed_until_ns = ? WHERE id = ?",
            in: database)
        updateSummed = try PreparedStatement("UPDATE recording SET summed_samples = ?", in: database)
    }

    /// The id of a frame, stored if it is new.
    func id(of frame: Frame) throws -> Int64 {
        if let id = frames[frame] { return id }
        var row = RowWriter(interner: self)
        frame.write(to: &row)
        try insertFrame.run(row.cells)
        frames[frame] = database.lastInsertedRowID
        return database.lastInsertedRowID
    }

    /// The id of a stack, stored if it is new.
    func id(of stack: StackTrace) throws -> Int64 {
        if let id = stacks[stack] { return id }
        let frames = try stack.frames.map(id(of:))
        try insertStack.run([.integer(Int64(frames.count)), frames.last.map(Cell.integer) ?? .null])
        let id = database.lastInsertedRowID
        for (position, frame) in frames.enumerated() {
            try insertStackFrame.run([.integer(id), .integer(Int64(position)), .integer(frame)])
        }
        stacks[stack] = id
        return id
    }

    /// Adds a sample to the sighting it is alike to, and gives that sighting's id.
    func sight(_ sample: StackSample) throws -> Int64 {
        let stack = try id(of: sample.stack)
        let key = SightingKey(
            pid: sample.pid, tid: sample.tid, thread: sample.thread, activity: sample.activity,
            holdsGIL: sample.holdsGIL, stack: stack, consumer: sample.consumer, task: sample.task)
        unsummed += 1
        if let place = places[key] {
            sightings[place].add(sample)
            return sightings[place].id
        }
        var row = RowWriter(interner: self)
        try sample.write(to: &row)
        try insertSighting.run(row.cells)
        let id = database.lastInsertedRowID
        places[key] = sightings.count
        sightings.append(
            Sighting(id: id, count: sample.count, weight: sample.weight, time: sample.time, isSummed: false))
        return id
    }

    /// Ends a transaction whose last sample is `lastSample`: now and then stores the sums up to it, and forgets what
    /// has grown too much.
    func settle(lastSample: Int64) throws {
        let isFull = stacks.count > Self.limit || frames.count > Self.limit || sightings.count > Self.limit
        guard unsummed >= Self.sumInterval || isFull else { return }
        for place in sightings.indices where !sightings[place].isSummed {
            let sighting = sightings[place]
            try updateSighting.run([
                sighting.count.cell, sighting.weight.cell, sighting.time.cell, .integer(sighting.id),
            ])
            sightings[place].isSummed = true
        }
        try updateSummed.run([.integer(lastSample)])
        unsummed = 0
        guard isFull else { return }
        frames.removeAll()
        stacks.removeAll()
        places.removeAll()
        sightings.removeAll()
    }
}

/// Sums of the samples that are alike.
private struct Sighting {
    let id: Int64
    var count: Int
    var weight: Nanoseconds
    var time: Moment
    /// Whether the file has these sums.
    var isSummed: Bool

    mutating func add(_ sample: StackSample) {
        count &+= sample.count
        weight = weight + sample.weight
        time = max(time, sample.time)
        isSummed = false
    }
}

private struct SightingKey: Hashable {
    let pid: Int32
    let tid: Int32
    let thread: String
    let activity: StackSample.Activity
    let holdsGIL: Bool?
    let stack: Int64
    let consumer: String?
    let task: String?
}
