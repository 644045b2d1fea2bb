public import Observations

/// CPU against open connections at one moment of a session.
public struct TimelinePoint: Hashable, Sendable {
    /// Seconds since the session's start.
    public var seconds: Double
    /// Percent of one core that the target took since the point before; `nil` when it was not measured.
    public var cpuPercent: Double?
    /// Connections open; `nil` when unknown.
    public var open: Int?

    /// A point for each 100 ms of loop windows, or for each process sample when there are no loop CPU times.
    public static func timeline(
        of windows: [LoopWindow], processes: [ProcessSample], events: [ConnectionEvent], from start: Moment?
    ) -> [TimelinePoint] {
        guard let start else { return [] }
        let loads = loads(of: windows, from: start) ?? loads(of: processes, from: start)
        var open = 0
        var next = events.startIndex
        return loads.map { moment, percent in
            while next < events.endIndex, events[next].time <= moment {
                switch events[next].step {
                case .opened: open += 1
                case .closed: open -= 1
                case .accepted, .rejected, .started, .ended: break
                }
                next += 1
            }
            return TimelinePoint(
                seconds: (moment - start).seconds, cpuPercent: percent, open: events.isEmpty ? nil : open)
        }
    }

    private static func loads(of windows: [LoopWindow], from start: Moment) -> [(Moment, Double)]? {
        guard windows.contains(where: { $0.threadCPU != nil }) else { return nil }
        let slice = Nanoseconds.milliseconds(100)
        var cpu: [Int64: Nanoseconds] = [:]
        for window in windows {
            let index = (window.start - start).count / slice.count
            cpu[index, default: .zero] = cpu[index, default: .zero] + (window.threadCPU ?? .zero)
        }
        return cpu.sorted { $0.key < $1.key }.map { index, time in
            (start + Nanoseconds((index + 1) * slice.count), time.seconds / slice.seconds * 100)
        }
    }

    private static func loads(of samples: [ProcessSample], from start: Moment) -> [(Moment, Double)] {
        var before: [Int32: ProcessSample] = [:]
        var points: [(Moment, Double)] = []
        for sample in samples {
            if let earlier = before[sample.pid], sample.time > earlier.time {
                let share = (sample.cpu - earlier.cpu).seconds / (sample.time - earlier.time).seconds * 100
                points.append((sample.time, share))
            }
            before[sample.pid] = sample
        }
        return points
    }
}

/// The slope of CPU against open connections: what an idle connection costs.
public struct ConnectionCost: Hashable, Sendable {
    /// Percentage points of one core per open connection.
    public var percentPerConnection: Double
    /// Share of CPU's variation that the connections explain (r²), 0 to 1.
    public var explained: Double
    /// Points it was fitted to.
    public var points: Int

    /// Whether it says something: connections cost CPU, and they explain most of it.
    public var isTelling: Bool { percentPerConnection > 0 && explained >= 0.5 }

    /// Fits a line by least squares; `nil` with fewer than 8 points, or when the number of connections hardly changed.
    public init?(_ timeline: [TimelinePoint]) {
        let pairs = timeline.compactMap { point in
            point.open.flatMap { open in point.cpuPercent.map { (x: Double(open), y: $0) } }
        }
        guard pairs.count >= 8 else { return nil }
        let n = Double(pairs.count)
        let meanX = pairs.reduce(0) { $0 + $1.x } / n
        let meanY = pairs.reduce(0) { $0 + $1.y } / n
        let varianceX = pairs.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
        guard varianceX / n >= 1 else { return nil }
        let varianceY = pairs.reduce(0) { $0 + ($1.y - meanY) * ($1.y - meanY) }
        let covariance = pairs.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) }
        percentPerConnection = covariance / varianceX
        explained = varianceY > 0 ? covariance * covariance / (varianceX * varianceY) : 0
        points = pairs.count
    }
}
