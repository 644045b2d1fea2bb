public import Analysis
public import Observations
import Statistics

/// The report as JSON, schema `loopscope/report/1`: keys may be added, never renamed (docs/formats/report.schema.json).
public enum JSONReport {
    /// The name of the schema; its number changes when a key changes its meaning.
    public static let schema = "loopscope/report/1"

    /// Rows of the function table that are written.
    static let functionLimit = 100

    /// The whole report.
    public static func value(_ report: ReportDocument) -> JSONValue {
        [
            "schema": .string(schema),
            "target": [
                "kind": JSONValue(report.start?.kind.rawValue), "description": JSONValue(report.start?.description),
                "pid": JSONValue(report.start?.pid.map(Int.init)),
            ],
            "observed_since": JSONValue(report.start.map { Timestamp.utc($0.wallClock) }),
            "duration": JSONValue(report.duration.seconds),
            "ended": JSONValue(report.end?.reason.rawValue),
            "samples": [
                "taken": .int(report.quality.taken), "retried": .int(report.quality.retried),
                "lost": .int(report.quality.lost), "torn": .int(report.quality.torn),
            ],
            "impact": [
                "writes": .int(report.impact.writes), "stops": .int(report.impact.stops),
                "bytes_read": .int(report.impact.bytesRead),
                "cpu_percent": JSONValue(report.observerPercent, places: 2),
            ],
            "processes": .array(report.processes.map { process($0, report) }),
            "loops": .array(report.loops.map(loop)),
            "consumers": .array(report.ledger.entries.map { consumer($0) }),
            "phases": .array(
                report.phases.map { phase in
                    [
                        "name": .string(phase.name), "consumers": .array(phase.ledger.entries.map { consumer($0) }),
                    ]
                }),
            "tasks": .array(report.tasks.flatMap { census in census.groups.map { task($0, census) } }),
            "findings": .array(report.findings.map(finding)),
            "checked": .array(report.checked.map(JSONValue.string)),
            "not_checked": .array(report.notChecked.map { ["code": .string($0.code), "why": .string($0.why)] }),
            "functions": .array(report.profile.functions.prefix(functionLimit).map(function)),
            "bridges": .array(report.bridges.map(bridge)), "hottest": .array(report.hottest.map(hotSpot)),
            "timeline": .array(
                report.timeline.map { point in
                    [
                        "seconds": JSONValue(point.seconds), "cpu_percent": JSONValue(point.cpuPercent, places: 1),
                        "open": JSONValue(point.open),
                    ]
                }),
            "notes": .array(report.notes.map(JSONValue.string)),
        ]
    }

    /// One finding, as it also appears in a stream of findings.
    public static func finding(_ finding: Finding) -> JSONValue {
        [
            "code": .string(finding.code), "title": .string(finding.title),
            "severity": .string(finding.severity.rawValue), "confidence": .string(finding.confidence.rawValue),
            "grade": .string(finding.grade.rawValue), "pid": JSONValue(finding.pid.map(Int.init)),
            "consumer": JSONValue(finding.consumer), "count": .int(finding.count),
            "location": finding.location.map(location) ?? .null,
            "evidence": .array(finding.evidence.map(JSONValue.string)), "how_sure": .string(finding.howSure),
            "fix": .string(finding.fix), "check": JSONValue(finding.check),
            "connections": .array(finding.connections.map(connection)),
            "source": finding.source.flatMap { source($0, finding.shownLine) } ?? .null,
            "source_absence": JSONValue(finding.source?.absence?.words),
        ]
    }

    private static func bridge(_ load: BridgeLoad) -> JSONValue {
        [
            "pid": .int(Int(load.pid)), "loops_per_second": JSONValue(load.perSecond, places: 1),
            "per_request": JSONValue(load.perRequest, places: 2),
            "requests_per_second": JSONValue(load.requestsPerSecond, places: 1), "count": .int(load.count),
            "most_requests_per_second": JSONValue(load.mostRequestsPerSecond, places: 1),
            "shared": [
                "loops_per_second": JSONValue(load.saving.loopsPerSecond, places: 1),
                "cpu_percent": JSONValue(load.saving.cpuPercent, places: 1),
                "ms_per_request": JSONValue(load.saving.millisecondsPerRequest, places: 2),
            ],
            "samples": .int(load.samples),
            "sites": .array(
                load.sites.prefix(16).map { site, samples in
                    [
                        "kind": .string(site.kind.rawValue), "function": .string(site.text),
                        "file": JSONValue(site.frame.file), "line": JSONValue(site.frame.line),
                        "samples": .int(samples),
                    ]
                }),
        ]
    }

    private static func source(_ excerpt: SourceExcerpt, _ line: Int?) -> JSONValue? {
        excerpt.absence != nil
            ? nil
            : [
                "file": .string(excerpt.file), "first_line": .int(excerpt.firstLine), "line": JSONValue(line),
                "lines": .array(excerpt.lines.map(JSONValue.string)),
            ]
    }

    private static func location(_ place: CodeLocation) -> JSONValue {
        [
            "function": .string(place.function), "file": JSONValue(place.file), "line": JSONValue(place.line),
            "handler_line": JSONValue(place.handlerLine),
        ]
    }

    private static func process(_ process: ProcessSummary, _ report: ReportDocument) -> JSONValue {
        [
            "pid": .int(Int(process.last.pid)), "name": .string(process.last.name),
            "grade": JSONValue(report.start?.grade.rawValue), "cpu_percent": JSONValue(process.cpuPercent, places: 1),
            "ps_percent": JSONValue(process.psPercent, places: 1), "threads": .int(process.last.threads.count),
            "gil_percent": JSONValue(report.gilPercent(of: process.last.pid), places: 1),
            "run_queue_percent": JSONValue(process.runQueuePercent, places: 1),
            "stopped": .bool(process.isStopped), "rss_bytes": .int(process.last.residentBytes),
            "fds": JSONValue(process.last.descriptors),
            "fd_limit": JSONValue(process.last.descriptorLimit),
            "sockets": .object(
                process.last.sockets.sorted { $0.key < $1.key }.map { (key: $0.key, value: .int($0.value)) }),
        ]
    }

    private static func connection(_ connection: Finding.Connection) -> JSONValue {
        [
            "pid": .int(Int(connection.pid)), "path": JSONValue(connection.path),
            "channel": JSONValue(connection.channel),
        ]
    }

    private static func loop(_ loop: LoopSummary) -> JSONValue {
        let microseconds = { (nanoseconds: Int64?) in JSONValue(nanoseconds.map { Double($0) / 1000 }, places: 1) }
        return [
            "pid": .int(Int(loop.pid)), "id": .string(loop.loop), "thread": .string(loop.thread),
            "grade": .string(loop.grade.rawValue), "ticks_per_second": JSONValue(loop.ticksPerSecond, places: 1),
            "busy_percent": JSONValue(loop.busyPercent, places: 1),
            "cpu_percent": JSONValue(loop.cpuPercent, places: 1),
            "tick_p50_us": microseconds(loop.ticks.value(at: 0.5)),
            "tick_p99_us": microseconds(loop.ticks.value(at: 0.99)),
            "tick_max_us": microseconds(loop.ticks.maximum),
            "heartbeat_lag_us": microseconds(loop.heartbeatLag?.count), "ready_handles": JSONValue(loop.readyHandles),
            "timers": JSONValue(loop.timers),
        ]
    }

    private static func consumer(_ entry: LedgerEntry) -> JSONValue {
        [
            "name": JSONValue(entry.consumer), "grade": .string(entry.grade.rawValue), "alive": JSONValue(entry.alive),
            "objects": JSONValue(entry.objects), "open": JSONValue(entry.open), "stuck": JSONValue(entry.stuck),
            "tasks": JSONValue(entry.tasks),
            "opened": JSONValue(entry.opened), "accepted": JSONValue(entry.accepted),
            "rejected": JSONValue(entry.rejected), "closed": JSONValue(entry.closed),
            "started": JSONValue(entry.started), "ended": JSONValue(entry.ended), "killed": JSONValue(entry.killed),
            "threw": JSONValue(entry.threw), "tasks_started": JSONValue(entry.tasksStarted),
            "tasks_ended": JSONValue(entry.tasksEnded), "groups_joined": JSONValue(entry.groupsJoined),
            "groups_left": JSONValue(entry.groupsLeft),
            "disconnects_delivered": JSONValue(entry.disconnectsDelivered),
            "dispatches_per_second": JSONValue(entry.dispatchesPerSecond, places: 1),
            "dispatches_grade": JSONValue(entry.dispatchesGrade?.rawValue),
            "dispatches_seen": JSONValue(entry.dispatchSamples),
        ]
    }

    /// A row per group; `awaits` tells another by its place among all rows.
    private static func taskRows(_ tasks: [TaskCensus]) -> JSONValue {
        var rows: [JSONValue] = []
        for census in tasks {
            let first = rows.count
            rows += census.groups.map { group in
                guard case .object(var fields) = task(group, census) else { return .null }
                let awaits = group.awaits.map { awaits -> JSONValue in
                    .array(
                        awaits.map {
                            [
                                "row": .int(first + $0.group), "count": .int($0.count),
                                "example": JSONValue($0.example),
                            ]
                        })
                }
                fields.append((key: "awaits", value: awaits ?? .null))
                return .object(fields)
            }
        }
        return .array(rows)
    }

    private static func task(_ group: TaskGroup, _ census: TaskCensus) -> JSONValue {
        [
            "pid": .int(Int(census.pid)), "name": .string(group.name), "consumer": JSONValue(group.consumer),
            "state": .string(group.state.rawValue), "waits_for": JSONValue(group.waitsFor), "count": .int(group.count),
            "example": JSONValue(group.example),
            "stack": .array(
                group.stack.frames.map { frame in
                    [
                        "function": .string(frame.function), "file": JSONValue(frame.file),
                        "line": JSONValue(frame.line),
                    ]
                }),
        ]
    }

    private static func function(_ share: FunctionShare) -> JSONValue {
        [
            "function": .string(share.frame.function), "file": JSONValue(share.frame.file),
            "line": JSONValue(share.frame.line), "own_percent": JSONValue(share.ownPercent, places: 2),
            "total_percent": JSONValue(share.totalPercent, places: 2), "own_seconds": JSONValue(share.own.seconds),
            "total_seconds": JSONValue(share.total.seconds),
        ]
    }

    private static func hotSpot(_ spot: HotSpot) -> JSONValue {
        [
            "owner": .string(spot.owner), "function": .string(spot.frame.function), "file": JSONValue(spot.frame.file),
            "percent": JSONValue(spot.percent, places: 1),
        ]
    }

    /// One census: the tasks and the consumers of each process, as `tasks --json` prints them.
    public static func census(tasks: [TaskCensus], connections: [ConnectionCensus]) -> JSONValue {
        [
            "schema": "loopscope/tasks/1",
            "tasks": taskRows(tasks),
            "consumers": .array(
                connections.flatMap { census in
                    census.consumers.map { row in
                        [
                            "pid": .int(Int(census.pid)), "name": .string(row.consumer),
                            "grade": .string(census.grade.rawValue), "alive": .int(row.alive),
                            "sockets": .object(
                                SocketState.allCases.map { (key: $0.rawValue, value: .int(row.sockets[$0] ?? 0)) }),
                            "tasks": .int(row.tasks), "override": row.override.map(location) ?? .null,
                        ]
                    }
                }),
        ]
    }

    /// One set of stacks, innermost frame last, and the tasks beside them, as `dump --json` prints them.
    public static func stacks(_ samples: [StackSample], tasks: [TaskCensus] = []) -> JSONValue {
        [
            "schema": "loopscope/stacks/1", "tasks": taskRows(tasks),
            "threads": .array(
                samples.map { sample in
                    [
                        "pid": .int(Int(sample.pid)), "tid": .int(Int(sample.tid)), "name": .string(sample.thread),
                        "activity": .string(sample.activity.rawValue),
                        "holds_gil": sample.holdsGIL.map(JSONValue.bool) ?? .null, "task": JSONValue(sample.task),
                        "frames": .array(
                            sample.stack.frames.map { frame in
                                [
                                    "kind": .string(frame.kind.rawValue), "function": .string(frame.function),
                                    "file": JSONValue(frame.file), "line": JSONValue(frame.line),
                                ]
                            }),
                    ]
                }),
        ]
    }
}
