import Foundation
import Observations
import Testing

@testable import Recording

/// A directory of one test's own, removed when the test is over.
final class Scratch {
    let path = FileManager.default.temporaryDirectory.appending(path: "loopscope-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String = "test.loopscope") -> String { path + "/" + name }

    /// A finished recording of these observations.
    func recording(of observations: [Observation], name: String = "test.loopscope") throws -> String {
        let writer = try RecordingWriter(path: file(name))
        writer.record(observations)
        try writer.finish()
        return file(name)
    }

    /// Writes a file of these bytes.
    func write(_ bytes: some Sequence<UInt8>, name: String = "test.loopscope") throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }
}

/// Everything a source can be asked, by name.
let questions: [(name: String, answer: @Sendable (any ObservationSource) throws -> AnyHashable)] = [
    ("start", { try $0.start() }), ("end", { try $0.end() }), ("lastMoment", { try $0.lastMoment() }),
    ("stacks", { try $0.stacks() }), ("loops", { try $0.loops() }), ("blocks", { try $0.blocks() }),
    ("dispatchWindows", { try $0.dispatchWindows() }), ("dispatches", { try $0.dispatches() }),
    ("swallowedStops", { try $0.swallowedStops() }), ("connections", { try $0.connections() }),
    ("consumerWindows", { try $0.consumerWindows() }), ("connectionCensuses", { try $0.connectionCensuses() }),
    ("taskCensuses", { try $0.taskCensuses() }), ("typeCensuses", { try $0.typeCensuses() }),
    ("methods", { try $0.methods() }),
    ("processes", { try $0.processes() }), ("layerEvents", { try $0.layerEvents() }),
    ("bridgeEvents", { try $0.bridgeEvents() }), ("clientEvents", { try $0.clientEvents() }),
    ("quality", { try $0.quality() }), ("impact", { try $0.impact() }), ("notes", { try $0.notes() }),
    ("phases", { try $0.phases() }),
]

/// Expects that a recording answers every question as the log of the same observations does.
func expectSameAnswers(
    _ recording: Recording, _ observations: [Observation], sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let log = ObservationLog(observations)
    for question in questions {
        #expect(
            try question.answer(recording) == question.answer(log), "\(question.name)", sourceLocation: sourceLocation)
    }
}

/// A random sequence that is the same in every run.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        // splitmix64, public domain.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The repository's root.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
