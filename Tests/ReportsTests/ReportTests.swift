import Analysis
import Foundation
import Observations
import Testing

@testable import Reports

/// Compares with the file beside the tests; `LOOPSCOPE_GOLDEN=update` (make golden) writes it anew.
func expectGolden(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name)")
    if ProcessInfo.processInfo.environment["LOOPSCOPE_GOLDEN"] == "update" {
        try Data(text.utf8).write(to: file)
    }
    let golden = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    #expect(text == golden, "differs from \(name); look at it, then `make golden`", sourceLocation: sourceLocation)
}

@Suite("Reports")
struct ReportTests {
    @Test("the text report is as in the golden file")
    func text() throws {
        try expectGolden(TextReport(try Sample.report()).text, "report.txt")
    }

    @Test("the JSON report is as in the golden file")
    func json() throws {
        try expectGolden(JSONReport.value(try Sample.report()).text(pretty: true) + "\n", "report.json")
    }

    @Test("nothing found is said with what was checked, and the hottest code is shown")
    func nothing() throws {
        let text = TextReport(try Sample.report(findings: [])).text
        #expect(text.hasPrefix("✓ Nothing found: checked LS001 LS002"))
        #expect(text.contains("loop MainThread"))
        #expect(text.contains("ChatConsumer.dispatch"))
    }

    @Test("why no source is shown is said where it would be", arguments: SourceExcerpt.Absence.allCases)
    func absent(_ absence: SourceExcerpt.Absence) throws {
        var finding = Sample.finding
        finding.source = SourceExcerpt(time: at(1), pid: 1, file: "/srv/chat.py", line: 44, absence: absence)
        let report = try Sample.report(findings: [finding])
        #expect(TextReport(report).text.contains("    source not shown: \(absence.words)"))
        #expect(HTMLReport.render(report).contains("not shown: \(absence.words)"))
        let json = JSONReport.value(report).text()
        #expect(json.contains("\"source\":null") && json.contains("\"source_absence\":\"\(absence.words)\""))
    }

    @Test("tasks that have finished are told from those that have not")
    func tasks() throws {
        let census = TaskCensus(
            time: at(1), pid: 1, grade: .read,
            groups: [
                TaskGroup(name: "run_asgi", state: .waiting, count: 5),
                TaskGroup(name: "transfer_data", state: .finished, count: 3),
            ])
        let report = try Sample.report(findings: [], [.tasks(census)])
        #expect(TextReport(report).text.contains("9 unfinished; 3 more have finished and are still referenced"))
        #expect(HTMLReport.render(report).contains("9 unfinished; 3 more have finished"))
    }

    @Test("event loops made for single calls: how many, by whom, and what sharing one would save")
    func bridges() throws {
        let django = "/srv/venv/lib/python3.13/site-packages"
        let frames = [("many_bridges", "/srv/app/views.py"), ("AsyncToSync.__call__", "\(django)/asgiref/sync.py")]
            .map { Frame(kind: .python, function: $0.0, file: $0.1, line: 7) }
        let bridges = [(BridgeEvent.Kind.threadCreated, 1000), (.request, 200)].flatMap { kind, count in
            [(Int64(0), 0), (1000, count)].map { time, count in
                Observation.bridge(BridgeEvent(time: at(time), pid: 1, kind: kind, count: count))
            }
        }
        let stack = StackSample(
            time: at(2000), pid: 1, tid: 1, thread: "gunicorn", activity: .idle, stack: StackTrace(frames), count: 9,
            weight: .milliseconds(90))
        let report = try Sample.report(findings: [], bridges + [.stack(stack)])
        let load = try #require(report.bridges.first)
        #expect(TextReport(report).text.contains("sharing saves") && TextReport(report).text.contains("many_bridges 9"))
        let page = HTMLReport.render(report)
        #expect(page.contains("<h2>Bridges") && page.contains("many_bridges") && page.contains("loops/s, "))
        let json = JSONReport.value(report).text()
        #expect(json.contains("\"ms_per_request\":0.92"))
        #expect(load.perRequest == 5 && load.savingQualifier.isEmpty)
    }

    @Test("no escape of the target reaches the terminal, wherever it hides")
    func hostile() throws {
        let evil = "\u{1B}[2J\u{07}<script>\n"
        var finding = Sample.finding
        finding.consumer = evil
        finding.location = CodeLocation(function: evil, file: evil, line: 1)
        finding.evidence = [evil]
        finding.fix = evil
        finding.howSure = evil
        finding.check = evil
        finding.source = SourceExcerpt(time: at(1), pid: 1, file: evil, firstLine: .max, lines: [evil, evil])
        finding.focus = 1
        let report = try Sample.report(
            findings: [finding],
            [
                .note(ProbeNote(time: at(1), text: evil)),
                .tasks(
                    TaskCensus(
                        time: at(1), pid: 1, grade: .read,
                        groups: [TaskGroup(name: evil, consumer: evil, state: .waiting, waitsFor: evil, count: 99)])),
                .stack(
                    StackSample(
                        time: at(1), pid: 1, tid: 1, thread: evil, activity: .running,
                        stack: StackTrace([Frame(kind: .python, function: evil, file: evil, line: 1)]), consumer: evil,
                        task: evil, count: 99, weight: .seconds(99))),
            ])
        let text = TextReport(report).text
        #expect(!text.unicodeScalars.contains("\u{1B}") && !text.unicodeScalars.contains("\u{07}"))
        let json = JSONReport.value(report).text()
        #expect(!json.contains("<script>") && !json.unicodeScalars.contains("\u{1B}"))
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.utf8)) }
    }

    @Test("without colours there is no escape at all, with them there is")
    func colours() throws {
        let report = try Sample.report()
        #expect(!TextReport(report).text.contains("\u{1B}"))
        #expect(TextReport(report, style: TextStyle(colours: true)).text.contains("\u{1B}[31;1m"))
    }

    @Test("a report of nothing is a report")
    func empty() throws {
        let report = try ReportDocument(ObservationLog()) { _ in Judgement(findings: [], checked: [], notChecked: []) }
        #expect(TextReport(report).text.contains("nothing was observed"))
        #expect(throws: Never.self) {
            try JSONSerialization.jsonObject(with: Data(JSONReport.value(report).text().utf8))
        }
    }
}

@Suite("JSON values")
struct JSONValueTests {
    @Test(
        "are written as RFC 8259 asks, and read back alike",
        arguments: [
            (JSONValue.double(.nan), "null"), (JSONValue.double(.infinity), "null"), ([1, nil, true], "[1,null,true]"),
            (["a\"\\\n\u{01}": "<\u{2028}"], #"{"a\"\\\n\u0001":"\u003c\u2028"}"#),
            (JSONValue(1.23456, places: 2), "1.23"),
            (JSONValue(nil as Double?), "null"), ([:], "{}"), ([], "[]"),
        ] as [(JSONValue, String)])
    func writing(value: JSONValue, text: String) throws {
        #expect(value.text() == text)
        _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    }
}

@Suite("Schema of the JSON report")
struct SchemaTests {
    private func schema(_ name: String) throws -> [String: Any] {
        var folder = URL(filePath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        let file = folder.appending(path: "docs/formats/\(name).schema.json")
        return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    private func unknown(_ value: JSONValue, in name: String) throws -> [String] {
        let root = try schema(name)
        let value = try JSONSerialization.jsonObject(with: Data(value.text().utf8))
        return unknown(value, root, at: "$", in: root)
    }

    /// Walks a value and the schema's `properties` and `items` together; returns the paths that the schema does not know.
    private func unknown(_ value: Any, _ schema: [String: Any], at path: String, in root: [String: Any]) -> [String] {
        var schema = schema
        if let reference = schema["$ref"] as? String, let name = reference.split(separator: "/").last,
            let definition = (root["$defs"] as? [String: Any])?[String(name)] as? [String: Any]
        {
            schema = definition
        }
        if let object = value as? [String: Any] {
            if schema["additionalProperties"] is [String: Any] { return [] }
            guard let properties = schema["properties"] as? [String: Any] else { return [path] }
            let required = schema["required"] as? [String] ?? []
            return required.filter { object[$0] == nil }.map { "\(path).\($0) is missing" }
                + object.flatMap { key, member -> [String] in
                    guard let inner = properties[key] as? [String: Any] else { return ["\(path).\(key)"] }
                    return unknown(member, inner, at: "\(path).\(key)", in: root)
                }
        }
        if let list = value as? [Any] {
            let items = schema["items"] as? [String: Any] ?? [:]
            return list.flatMap { unknown($0, items, at: "\(path)[]", in: root) }
        }
        return []
    }

    @Test("every key that is written is in the published schema, and every required key is written")
    func keys() throws {
        #expect(try unknown(JSONReport.value(try Sample.report()), in: "report").isEmpty)
    }

    @Test("the same of tasks and of stacks")
    func censusKeys() throws {
        let stack = StackTrace([Frame(kind: .python, function: "f", file: "a.py", line: 1)])
        var waiter = TaskGroup(name: "f", consumer: "C", state: .waiting, waitsFor: "Future", stack: stack)
        waiter.awaits = [AwaitedTasks(group: 0, count: 1)]
        let tasks = [
            TaskCensus(time: at(1), pid: 1, grade: .read, groups: [TaskGroup(name: "g", state: .ready), waiter])
        ]
        let override = CodeLocation(function: "C.dispatch", file: "a.py", line: 1)
        let consumers = [ConsumerCount(consumer: "C", override: override, sockets: [.open: 1], tasks: 1)]
        let connections = [ConnectionCensus(time: at(1), pid: 1, grade: .read, consumers: consumers)]
        let census = JSONReport.census(tasks: tasks + tasks, connections: connections)
        #expect(try unknown(census, in: "tasks").isEmpty)
        // Rows of a second process come after those of the first.
        #expect(census.text().contains(#""row":2,"count":1"#))
        let sample = StackSample(
            time: at(1), pid: 1, tid: 1, thread: "t", activity: .idle, stack: stack, count: 1, weight: .zero)
        #expect(try unknown(JSONReport.stacks([sample], tasks: tasks), in: "stacks").isEmpty)
    }
}
