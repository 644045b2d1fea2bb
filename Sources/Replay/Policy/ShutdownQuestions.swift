import Clocks
import NIOCore
public import Observations
public import Policy
import WebSocket

extension PolicyProber {
    /// Clients that are connected when the server is told to end.
    private static let clients = 3

    /// Has clients connected, asks the server to end, and hears what they are told.
    ///
    /// - Parameters:
    ///   - stubborn: whether the clients leave its close frame unanswered.
    ///   - patience: how long it may take.
    ///   - terminate: sends SIGTERM.
    ///   - isRunning: whether the server still runs.
    /// - Throws: `Refusal`.
    public func shutdown(
        stubborn: Bool, patience: Nanoseconds, terminate: @Sendable () -> Void, isRunning: @Sendable () -> Bool
    ) async throws -> PolicyAnswer {
        var clients: [WireClient] = []
        do {
            for _ in 0..<Self.clients {
                clients.append(try await open(stubborn ? .pongs : [.pongs, .closes], by: .now() + .seconds(10)).client)
            }
        } catch ClientError.unreachable(let why) {
            throw Refusal.unreachable(why)
        }
        terminate()
        let start = Moment.now()
        let end = start + patience
        async let codes = heard(by: clients, until: end)
        while isRunning(), Moment.now() < end {
            // Nobody tells a stranger that a process has ended; this is how finely it is timed.
            try? await group.eventLoops.next().wait(until: .now() + .milliseconds(5))
        }
        let time = Moment.now() - start
        let hasEnded = !isRunning()
        // What it leaves open the kernel closes with it; the sockets of one that stays are dropped here.
        if !hasEnded { for client in clients { await client.abort() } }
        let all = await codes.sorted()
        return hasEnded ? .exited(time, codes: all) : .killed(time, codes: all)
    }

    /// The close code that each client gets, 1006 for none.
    private func heard(by clients: [WireClient], until end: Moment) async -> [Int] {
        await withTaskGroup(of: Int.self) { tasks in
            for client in clients {
                tasks.addTask {
                    var code = 1006
                    while let (event, _) = await client.next(by: end) {
                        if case .frame(.close(let sent, _)) = event { code = Int(sent.rawValue) }
                        if case .ended = event { break }
                    }
                    return code
                }
            }
            return await tasks.reduce(into: []) { $0.append($1) }
        }
    }
}
