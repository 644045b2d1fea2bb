import GRDB
import Observations

/// Gives frames, stacks and sightings their ids and stores each once. Used by the writer only, inside its transactions.
///
/// A transaction that fails leaves ids here that the file does not have: the writer then writes no more.
final class Interner {
    /// Most stacks remembered. Beyond it all is forgotten, and what comes again is stored again: a hostile target
    /// can make the file grow, not this process.
    static let limit = 1 << 17

    private var frames: [Frame: Int64] = [:]
    private var stacks: [StackKey: Int64] = [:]
    private var places: [SightingKey: Int] = [:]
    private var sightings: [Sighting] = []
    private var changed: Set<Int> = []

    private let insertFrame: PreparedStatement
    private let insertStack: PreparedStatement
    private let insertStackFrame: PreparedStatement
    private let insertSighting: PreparedStatement
    private let updateSighting: PreparedStatement
    private let database: Database

    /// Prepares the statements.
    init(in database: Database) throws {
        self.database = database
        insertFrame = try PreparedStatement(Frame.insertion, in: database)
        insertStack = try PreparedStatement("INSERT INTO stacks (depth, leaf) VALUES (?, ?)", in: database)
        insertStackFrame = try PreparedStatement("INSERT INTO stack_frames VALUES (?, ?, ?)", in: database)
        insertSighting = try PreparedStatement(StackSample.insertion, in: database)
        updateSighting = try PreparedStatement(
            "UPDATE sightings SET count = ?, weight_ns = ?, last_time_ns = ? WHERE id = ?", in: database)
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
        let key = StackKey(stack: stack)
        if let id = stacks[key] { return id }
        let frames = try stack.frames.map(id(of:))
        try insertStack.run([.integer(Int64(frames.count)), frames.last.map(Cell.integer) ?? .null])
        let id = database.lastInsertedRowID
        for (position, frame) in frames.enumerated() {
            try insertStackFrame.run([.integer(id), .integer(Int64(position)), .integer(frame)])
        }
        stacks[key] = id
        return id
    }

    /// Adds a sample to the sighting it is alike to, and gives that sighting's id.
    func sight(_ sample: StackSample) throws -> Int64 {
        let stack = try id(of: sample.stack)
        let key = SightingKey(
            pid: sample.pid, tid: sample.tid, thread: sample.thread, activity: sample.activity,
            holdsGIL: sample.holdsGIL, stack: stack, consumer: sample.consumer, task: sample.task)
        if let place = places[key] {
            sightings[place].add(sample)
            changed.insert(place)
            return sightings[place].id
        }
        var row = RowWriter(interner: self)
        try sample.write(to: &row)
        try insertSighting.run(row.cells)
        let sighting = Sighting(
            id: database.lastInsertedRowID, count: sample.count, weight: sample.weight, time: sample.time)
        places[key] = sightings.count
        sightings.append(sighting)
        return sighting.id
    }

    /// Stores the sums of the sightings that changed: the last thing in a transaction.
    func settle() throws {
        for place in changed {
            let sighting = sightings[place]
            try updateSighting.run([
                sighting.count.cell, sighting.weight.cell, sighting.time.cell, .integer(sighting.id),
            ])
        }
        changed.removeAll(keepingCapacity: true)
        guard stacks.count > Self.limit || frames.count > Self.limit || sightings.count > Self.limit else { return }
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

    mutating func add(_ sample: StackSample) {
        count &+= sample.count
        weight = weight + sample.weight
        time = max(time, sample.time)
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

/// A stack to look up. Hashing takes lines and lengths of all frames and the text of the leaf only: samplers hand in the
/// same array again and again, which `==` notices at once, so hashing every name would be most of the work.
private struct StackKey: Hashable {
    let stack: StackTrace

    func hash(into hasher: inout Hasher) {
        for frame in stack.frames {
            hasher.combine(frame.line)
            hasher.combine(frame.function.utf8.count)
        }
        hasher.combine(stack.leaf?.function)
    }
}
