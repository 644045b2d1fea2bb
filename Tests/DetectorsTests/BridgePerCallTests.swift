import Analysis
import Observations
import Testing

@testable import Detectors

private let django = "/srv/venv/lib/python3.13/site-packages/django"
private let asgiref = "/srv/venv/lib/python3.13/site-packages/asgiref"
private func frame(_ function: String, _ file: String) -> Frame {
    Frame(kind: .python, function: function, file: file, line: 7, definition: 5)
}
private let handler = frame("WSGIHandler.__call__", "\(django)/core/handlers/wsgi.py")
private let view = frame("many_bridges", "/srv/app/views.py")
private let comprehension = frame("many_bridges.<locals>.<listcomp>", "/srv/app/views.py")
private let send = frame("Signal.send", "\(django)/dispatch/dispatcher.py")
private let adapted = frame("BaseHandler.get_response", "\(django)/core/handlers/base.py")
private let bridge = [
    frame("AsyncToSync.__call__", "\(asgiref)/sync.py"),
    frame("CurrentThreadExecutor.run_until_future", "\(asgiref)/current_thread_executor.py"),
]

private func sampled(_ frames: [Frame], _ count: Int) -> Observation {
    .stack(
        StackSample(
            time: at(2000), pid: 1, tid: 1, thread: "gunicorn", activity: .idle, stack: StackTrace(frames + bridge),
            count: count, weight: .milliseconds(Int64(10 * count))))
}

/// Two seconds of a WSGI process.
private func counted(bridges: Int, requests: Int?, connections: Int? = nil) -> [Observation] {
    let kinds: [(BridgeEvent.Kind, Int)] =
        [(.threadCreated, bridges)] + (requests.map { [(.request, $0)] } ?? [])
        + (connections.map { [(.connection, $0)] } ?? [])
    return kinds.flatMap { kind, count in
        [(Int64(0), 0), (1000, count / 2), (2000, count - count / 2)].map { time, count in
            Observation.bridge(BridgeEvent(time: at(time), pid: 1, kind: kind, count: count))
        }
    }
}

@Suite("An event loop per call")
struct BridgePerCallTests {
    @Test("a view that makes five a request is named, with what one would save")
    func found() throws {
        let log = session(
            [], more: counted(bridges: 1000, requests: 200) + [sampled([handler, view, comprehension], 50)])
        let finding = try #require(try judge(log).findings.first)
        #expect(finding.code == "LS503" && finding.count == 5 && finding.grade == .read)
        #expect(finding.location == CodeLocation(function: "many_bridges", file: "/srv/app/views.py", line: 5))
        #expect(finding.evidence.contains("5.0 a request, at 100.0 requests/s"))
        #expect(finding.evidence[0].hasPrefix("500 event loops a second"))
        let saved =
            "one context for all calls of a request would save 400 loops/s and 9 % of a core, 0.9 ms of CPU a request"
        #expect(finding.evidence.contains(saved))
    }

    @Test("what a module was sampled in while it was imported is not to blame, however often")
    func imported() throws {
        let module = frame("<module>", "/srv/app/wsgi.py")
        let log = session(
            [],
            more: counted(bridges: 1000, requests: 200) + [sampled([module], 50), sampled([handler, view], 2)])
        #expect(try judge(log).findings.first?.location?.function == "many_bridges")
        #expect(try Evidence(log).bridges.first?.tellingSamples == 2)
    }

    @Test("a server that counts no requests but answers one per connection cannot have served more than were accepted")
    func connections() throws {
        let stacks = [sampled([handler, view], 50)]
        let log = session([], more: counted(bridges: 1000, requests: nil, connections: 250) + stacks)
        let finding = try #require(try judge(log).findings.first)
        #expect(finding.code == "LS503" && finding.count == 4 && finding.grade == .sampled)
        #expect(finding.severity == .medium && finding.location?.function == "many_bridges")
        #expect(finding.evidence[0].hasPrefix("500 event loops a second"))
        #expect(finding.evidence[1].hasPrefix("4.0 a request at least"))
        #expect(finding.evidence[2].hasSuffix("would save at least 375 loops/s and 9 % of a core"))
        #expect(finding.evidence.contains("many_bridges: 100 % of samples"))
        // One a request, and a busy machine around one of several: nothing is claimed.
        for connections in [1000, 3000] {
            let judgement = try judge(
                session([], more: counted(bridges: 1000, requests: nil, connections: connections) + stacks))
            #expect(judgement.findings.isEmpty && judgement.notChecked.map(\.code).contains("LS503"))
        }
    }

    @Test("where requests are not counted, a signal's bridge and another one are two a request")
    func signals() throws {
        let stacks = [sampled([handler, send], 30), sampled([handler, adapted], 20)]
        let finding = try #require(
            try judge(session([], more: counted(bridges: 600, requests: nil) + stacks)).findings.first)
        #expect(finding.grade == .sampled && finding.location?.function == "Signal.send")
        #expect(finding.evidence.contains("Signal.send (request_started): 60 % of samples"))
    }

    @Test("one bridge a request is silent; without a count of requests, nothing is claimed and nothing denied")
    func silent() throws {
        let stacks = [sampled([handler, view], 50)]
        #expect(try judge(session([], more: counted(bridges: 200, requests: 200) + stacks)).findings.isEmpty)
        let judgement = try judge(session([], more: counted(bridges: 1000, requests: nil) + stacks))
        #expect(judgement.findings.isEmpty && judgement.notChecked.map(\.code).contains("LS503"))
    }

    @Test("executors of other kinds, on a loop's thread or elsewhere, are not bridges")
    func others() throws {
        let runner = frame("Runner.run", "/usr/lib/python3.13/asyncio/runners.py")
        let stacks = [sampled([runner, view], 50)]
        #expect(try judge(session([], more: counted(bridges: 1000, requests: 100) + stacks)).findings.isEmpty)
    }
}
