import GRDB
import Observations

/// Turns observations into rows. Used inside the writer's transactions only.
final class Appender {
    private let database: Database
    private let interner: Interner
    private let insertSample: PreparedStatement
    private let updateLast: PreparedStatement
    private var insertions: [String: PreparedStatement] = [:]
    private var last: Moment?
    private var lastSample: Int64 = 0

    /// Prepares the statements.
    init(in database: Database) throws {
        self.database = database
        interner = try Interner(in: database)
        insertSample = try PreparedStatement(
            "INSERT INTO samples (sighting, time_ns, count, weight_ns) VALUES (?, ?, ?, ?)", in: database)
        updateLast = try PreparedStatement("UPDATE recording SET last_moment_ns = ?", in: database)
    }

    /// Stores observations, in order.
    func append(_ observations: some Sequence<Observation>) throws {
        for observation in observations {
            if let time = observation.time { last = max(last ?? time, time) }
            try append(observation)
        }
        try interner.settle(lastSample: lastSample)
        try updateLast.run([last.cell])
    }

    private func append(_ observation: Observation) throws {
        switch observation {
        case .stack(let value):
            let sighting = try interner.sight(value)
            try insertSample.run([.integer(sighting), value.time.cell, value.count.cell, value.weight.cell])
            lastSample = database.lastInsertedRowID
        case .start(let value): try store(value)
        case .loop(let value): try store(value)
        case .block(let value): try store(value)
        case .dispatches(let value): try store(value)
        case .dispatch(let value): try store(value)
        case .swallowed(let value): try store(value)
        case .connection(let value): try store(value)
        case .consumer(let value): try store(value)
        case .connections(let value): try store(value)
        case .tasks(let value): try store(value)
        case .types(let value): try store(value)
        case .method(let value): try store(value)
        case .process(let value): try store(value)
        case .layer(let value): try store(value)
        case .bridge(let value): try store(value)
        case .bridges(let value): try store(value)
        case .source(let value): try store(value)
        case .client(let value): try store(value)
        case .quality(let value): try store(value)
        case .impact(let value): try store(value)
        case .note(let value): try store(value)
        case .phase(let value): try store(value)
        case .end(let value): try store(value)
        }
    }

    private func store<Value: StoredRow>(_ value: Value, under parent: Int64? = nil) throws {
        var row = RowWriter(interner: interner, parent: parent)
        try value.write(to: &row)
        try insertion(Value.self).run(row.cells)
        let id = database.lastInsertedRowID
        for child in row.children { try store(child, under: id) }
    }

    private func insertion<Value: StoredRow>(_ kind: Value.Type) throws -> PreparedStatement {
        if let statement = insertions[Value.table] { return statement }
        let statement = try PreparedStatement(Value.insertion, in: database)
        insertions[Value.table] = statement
        return statement
    }
}
