import Observations

/// Ledger entries in the making.
struct Accounts {
    private var byClass: [String?: LedgerEntry] = [:]

    /// By name; connections without a class last.
    var entries: [LedgerEntry] {
        byClass.values.sorted { left, right in
            guard let left = left.consumer else { return false }
            guard let right = right.consumer else { return true }
            return left < right
        }
    }

    private mutating func update(_ consumer: String?, grade: Grade, _ change: (inout LedgerEntry) -> Void) {
        change(&byClass[consumer, default: LedgerEntry(consumer: consumer, grade: grade)])
    }

    private struct Life {
        var consumer: String?
        var counted = true
        var opened = false
        var accepted = false
        var rejected = false
        var closed = false
        var started = false
        var ended: ConnectionEvent.Outcome?
        var hasEnded = false
    }

    private struct Key: Hashable {
        let pid: Int32
        let connection: UInt64
    }

    /// Counts the lives of connections that were opened within `span`.
    ///
    /// A life is put together from its steps whatever their order, because a socket may close before, while or after
    /// its consumer ends.
    mutating func add(events: [ConnectionEvent], opened span: PhaseSpan) {
        var lives: [Key: Life] = [:]
        for event in events {
            let key = Key(pid: event.pid, connection: event.connection)
            var life = lives[key] ?? Life(counted: span.contains(event.time))
            if let consumer = event.consumer { life.consumer = consumer }
            switch event.step {
            case .opened: life.opened = true
            case .accepted: life.accepted = true
            case .rejected: life.rejected = true
            case .closed: life.closed = true
            case .started: life.started = true
            case .ended:
                life.hasEnded = true
                life.ended = event.outcome
            }
            lives[key] = life
        }
        for life in lives.values where life.counted { add(life) }
    }

    private mutating func add(_ life: Life) {
        update(life.consumer, grade: .exact) { entry in
            entry.opened = (entry.opened ?? 0) + (life.opened ? 1 : 0)
            entry.accepted = (entry.accepted ?? 0) + (life.accepted ? 1 : 0)
            entry.rejected = (entry.rejected ?? 0) + (life.rejected ? 1 : 0)
            entry.closed = (entry.closed ?? 0) + (life.closed ? 1 : 0)
            entry.open = (entry.open ?? 0) + (life.opened && !life.closed ? 1 : 0)
            entry.started = (entry.started ?? 0) + (life.started ? 1 : 0)
            entry.ended = (entry.ended ?? 0) + (life.hasEnded ? 1 : 0)
            entry.killed = (entry.killed ?? 0) + (life.ended == .killed ? 1 : 0)
            entry.threw = (entry.threw ?? 0) + (life.ended == .threw ? 1 : 0)
            entry.alive = (entry.alive ?? 0) + (life.started && !life.hasEnded ? 1 : 0)
            entry.stuck = (entry.stuck ?? 0) + (life.started && !life.hasEnded && life.closed ? 1 : 0)
        }
    }

    /// Adds tasks, groups and disconnects.
    mutating func add(windows: [ConsumerWindow], in span: PhaseSpan) {
        for window in windows where span.contains(window.start) {
            update(window.consumer, grade: .exact) { entry in
                entry.tasksStarted = (entry.tasksStarted ?? 0) + window.tasksStarted
                entry.tasksEnded = (entry.tasksEnded ?? 0) + window.tasksEnded
                entry.groupsJoined = (entry.groupsJoined ?? 0) + window.groupsJoined
                entry.groupsLeft = (entry.groupsLeft ?? 0) + window.groupsLeft
                entry.disconnectsDelivered = (entry.disconnectsDelivered ?? 0) + window.disconnectsDelivered
                entry.tasks = (entry.tasksStarted ?? 0) - (entry.tasksEnded ?? 0)
            }
        }
    }

    /// Adds dispatch rates: of the last full second of the windows, so that a spin that began late is not averaged away.
    /// Where nothing at all was dispatched in the second before `end`, the rates are 0.
    mutating func add(dispatches windows: [DispatchWindow], in span: PhaseSpan, until end: Moment) {
        let inside = windows.filter { span.contains($0.start) }
        guard let last = inside.map({ $0.start + $0.length }).max() else { return }
        let first = inside.map(\.start).min() ?? last
        let second = Nanoseconds.seconds(1)
        let length = min(second, last - first)
        guard length > .zero else { return }
        var counts: [String: Int] = [:]
        for window in inside {
            counts[window.consumer, default: 0] +=
                last - window.start <= second && end - last <= second ? window.count : 0
        }
        for (consumer, count) in counts {
            update(consumer, grade: .exact) { $0.dispatchesPerSecond = Double(count) / length.seconds }
        }
    }

    /// Adds what the last census of each process read, for classes that no event was counted of.
    mutating func add(censuses: [ConnectionCensus]) {
        var last: [Int32: ConnectionCensus] = [:]
        for census in censuses { last[census.pid] = census }
        let counted = Set(byClass.values.filter { $0.opened != nil }.map(\.consumer))
        for census in last.values {
            for row in census.consumers where !counted.contains(row.consumer) {
                update(row.consumer, grade: census.grade) { entry in
                    entry.alive = (entry.alive ?? 0) + row.alive
                    entry.open = (entry.open ?? 0) + (row.sockets[.open] ?? 0)
                    entry.tasks = (entry.tasks ?? 0) + row.tasks
                    entry.stuck = (entry.stuck ?? 0) + (row.sockets[.closed] ?? 0)
                }
            }
        }
    }

    /// Adds the objects of consumer classes that the collector's lists had last, in each process.
    mutating func add(types censuses: [TypeCensus], of consumers: Set<String>) {
        var last: [Int32: TypeCensus] = [:]
        for census in censuses { last[census.pid] = census }
        let known = consumers.union(byClass.keys.compactMap(\.self))
        for census in last.values {
            for (type, count) in census.counts where known.contains(type) {
                update(type, grade: .read) { $0.objects = ($0.objects ?? 0) + count }
            }
        }
    }
}
