import Observations
import Testing

@testable import Session

@Suite("Standing still")
struct SettlingTests {
    /// A server of which a census comes each quarter of a second, and one task more with each where it grows.
    private func wait(within limit: Duration, grows: Bool) async throws -> Bool {
        let sink = LiveLog()
        let session = LiveSession(sink, sink)
        let server = Task {
            var count = 1
            while !Task.isCancelled {
                let time = Moment(nanoseconds: Int64(count) * 250_000_000)
                let group = TaskGroup(
                    name: "Task", state: .waiting, count: grows ? count : 1)
                sink.record([
                    .tasks(TaskCensus(time: time, pid: 1, grade: .read, groups: [group])),
                    .connections(ConnectionCensus(time: time, pid: 1, grade: .read, consumers: [], instances: [])),
                ])
                count += 1
                try await Task.sleep(for: .milliseconds(250))  // how seldom a crowded machine counts
            }
        }
        defer { server.cancel() }
        return try await Settling.wait(within: limit, session).isSettled
    }

    @Test("a server that is counted too seldom to tell within the time is given more of it")
    func seldom() async throws { #expect(try await wait(within: .milliseconds(300), grows: false)) }

    @Test("one that has another count each time does not stand still")
    func growing() async throws { #expect(try await !wait(within: .milliseconds(300), grows: true)) }
}
