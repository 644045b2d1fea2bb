import Foundation
import Observations
import Recording

// Records connection events 0, 1, 2, … as fast as it can, then waits: `RecordingVictim FILE`. A test kills it; should the
// test die first, standard input ends and so does this.
guard CommandLine.arguments.count == 2 else { fatalError("usage: RecordingVictim FILE") }
let writer = try RecordingWriter(path: CommandLine.arguments[1], capacity: 8192)
var next: UInt64 = 0
FileHandle.standardOutput.write(Data("ready\n".utf8))
while writer.failure == nil, next < 200_000 {
    // The buffer is bounded and drops what does not fit, so wait for room: a probe does not, a proof must.
    guard writer.waiting < 4096 else { continue }
    writer.record((next..<next + 64).map { .connection(ConnectionEvent.numbered($0)) })
    next += 64
}
_ = readLine()

extension ConnectionEvent {
    static func numbered(_ number: UInt64) -> ConnectionEvent {
        ConnectionEvent(
            time: Moment(nanoseconds: Int64(number)), pid: 1, connection: number, step: .opened, consumer: "chat.Chat")
    }
}
