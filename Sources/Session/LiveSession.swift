public import Analysis
public import Observations

/// A session while it goes on: takes what its scenario says, and shows what has been seen so far.
public struct LiveSession: ObservationSink {
    private let sink: any ObservationSink
    let live: LiveLog

    init(_ sink: any ObservationSink, _ live: LiveLog) { (self.sink, self.live) = (sink, live) }

    /// Records.
    public func record(_ observations: [Observation]) { sink.record(observations) }

    /// What has been seen so far: connection steps whole, windows and censuses of the last minute.
    public func evidence() throws -> Evidence { try Evidence(live.snapshot) }
}
