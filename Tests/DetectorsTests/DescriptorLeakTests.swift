import Analysis
import Observations
import Testing

@testable import Detectors

@Suite("Descriptor leak")
struct DescriptorLeakTests {
    private func watch(
        _ kinds: [[String: Int]], threads: Int = 2, sockets: (Int) -> [String: Int] = { _ in [:] }
    ) -> ObservationLog {
        ObservationLog(
            [
                .start(
                    SessionStart(
                        time: at(0), wallClock: 0, kind: .process, description: "p", pid: 1, grade: .sampled, tool: "t")
                )
            ]
                + kinds.enumerated().map { second, kinds in
                    .process(
                        ProcessSample(
                            time: at(Int64(second) * 1000), pid: 1, name: "python", cpu: .zero, age: .seconds(9),
                            residentBytes: 0, descriptors: 20, descriptorLimit: 1024, sockets: sockets(second),
                            threads: (0..<threads).map {
                                ThreadSample(tid: Int32($0), name: "t", cpu: .zero, state: "S")
                            }, descriptorKinds: kinds))
                })
    }

    @Test("growth that never goes back is strong evidence")
    func growth() throws {
        let findings = try judge(watch((0...5).map { ["pipe": 2 + 2 * $0, "socket": 4] })).findings
        #expect(findings.map(\.code) == ["LS106"])
        #expect(findings.first?.confidence == .strong && findings.first?.count == 10)
    }

    @Test("sockets that only the peer has closed are counted")
    func closeWait() throws {
        let log = watch(Array(repeating: ["socket": 9], count: 6)) { _ in ["CLOSE_WAIT": 6] }
        #expect(try judge(log).findings.first?.evidence.first?.contains("CLOSE_WAIT") == true)
    }

    @Test("sockets that were never connected, or are no TCP, count as what they are")
    func idleSockets() throws {
        let finding = try judge(watch((0...5).map { ["socket": 4 + 3 * $0] }) { _ in ["ESTABLISHED": 3] }).findings
            .first
        #expect(finding?.count == 15)
        #expect(finding?.evidence.first?.contains("without a TCP connection") == true)
    }

    @Test("one device open many times is a hint")
    func alike() throws {
        let finding = try judge(watch([["/dev/null": 5, "socket": 4]])).findings.first
        #expect(finding?.confidence == .hint && finding?.severity == .medium)
    }

    @Test("a growing pool of sockets, a file per thread, and what comes and goes are silent")
    func twin() throws {
        let pool = (0...5).map { ["socket": 4 + 3 * $0] }
        #expect(try judge(watch(pool) { ["ESTABLISHED": 4 + 3 * $0] }).findings.isEmpty)
        #expect(try judge(watch([["/srv/db.sqlite3": 8]], threads: 8)).findings.isEmpty)
        #expect(try judge(watch([2, 9, 3, 9, 4, 9].map { ["pipe": $0] })).findings.isEmpty)
    }
}
