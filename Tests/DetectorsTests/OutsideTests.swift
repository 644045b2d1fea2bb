import Analysis
import Detectors
import Observations
import Testing

@Suite("A shutdown seen from outside")
struct OutsideTests {
    private func moment(_ milliseconds: Int64) -> Moment { Moment(nanoseconds: milliseconds * 1_000_000) }

    /// A launched server whose last client went at 1 s and which was told to end at 2.5 s.
    private func evidence(
        exit: Nanoseconds?, unvisited: Nanoseconds? = .milliseconds(200), cancelled: Int = 0, cpu: Int64 = 0,
        wait: Int64 = 0, connections: Int = 4
    ) throws -> Evidence {
        func event(_ at: Int64, _ kind: ClientEvent.Kind, _ latency: Nanoseconds? = nil, count: Int = 1) -> Observation
        {
            .client(
                ClientEvent(time: moment(at), client: 0, phase: "after", kind: kind, latency: latency, count: count))
        }
        func sample(_ at: Int64) -> Observation {
            .process(
                ProcessSample(
                    time: moment(at), pid: 7, name: "python", cpu: .milliseconds((at - 1000) * cpu / 100),
                    age: .seconds(9),
                    residentBytes: 1,
                    threads: [
                        ThreadSample(
                            tid: 7, name: "python", cpu: .zero,
                            runQueueWait: .milliseconds((at - 1000) * wait / 100), state: "S")
                    ]))
        }
        var log: [Observation] = [
            .start(
                SessionStart(
                    time: moment(0), wallClock: 0, kind: .process, description: "python", pid: 7, grade: .sampled,
                    tool: "0")),
            event(1000, .allGone, count: connections), sample(1100), sample(2400),
        ]
        if let unvisited { log.append(event(1000, .unvisitedExited, unvisited)) }
        if cancelled > 0 { log.append(event(2400, .cancelled, count: cancelled)) }
        log += [event(2500, .terminated), exit.map { event(6500, .exited, $0) } ?? event(6500, .stayed, .seconds(4))]
        return try Evidence(ObservationLog(log))
    }

    @Test("that waits is LS801, with the face that shows, and no consumer that nobody saw")
    func faces() throws {
        let cold = Catalogue.judge(try evidence(exit: nil)).findings
        #expect(cold.map(\.code) == ["LS801"] && cold.first?.title.hasSuffix("(cold)") == true, "\(cold)")
        #expect(cold.first?.grade == .outside && cold.first?.consumer == nil)
        let hot = Catalogue.judge(try evidence(exit: nil, cpu: 90)).findings
        #expect(hot.first?.title.hasSuffix("(hot)") == true, "\(hot)")
        let starved = Catalogue.judge(try evidence(exit: nil, cpu: 15, wait: 60)).findings
        #expect(starved.first?.title.hasSuffix("(hot)") == true, "a spin on a full machine wants what it does not get")
        let bounded = Catalogue.judge(try evidence(exit: .milliseconds(300), cancelled: 3)).findings
        #expect(bounded.first?.title.hasSuffix("(bounded)") == true && bounded.first?.count == 3, "\(bounded)")
        let late = Catalogue.judge(try evidence(exit: .milliseconds(3200))).findings
        #expect(late.first?.evidence.first?.contains("it took 3.2 s to end") == true, "\(late)")
    }

    @Test("that ends as an unvisited one does is none, and one that cannot be compared is not judged")
    func silent() throws {
        let fine = Catalogue.judge(try evidence(exit: .milliseconds(1900), cpu: 90))
        #expect(fine.findings.isEmpty && fine.checked.contains("LS801"))
        for one in [try evidence(exit: nil, unvisited: nil), try evidence(exit: nil, connections: 0)] {
            let judgement = Catalogue.judge(one)
            #expect(judgement.findings.isEmpty && judgement.notChecked.contains { $0.code == "LS801" })
        }
    }
}
