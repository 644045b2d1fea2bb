import Analysis
import Foundation
import FoundationXML
import Gate
import Observations
import Reports
import Scenarios
import Testing

@Suite("What a gate prints for machines")
struct GateOutputTests {
    private func verdict() throws -> GateVerdict {
        let budget = try Budget(
            yaml: """
                rules: [{metric: tasks.growth, max: 0}, {metric: fds.growth, max: 0}, {metric: loops.growth, max: 0}]
                suppress:
                  - {finding: LS106, reason: "known & <old>", until: 2027-01-01}
                  - {finding: LS401, reason: gone, until: 2020-01-01}
                """)
        var readings = Example.with("tasks.growth", 10)
        readings.values["fds.growth"] = nil
        readings.suspects["tasks.growth"] = [
            Suspect("10 × tick", location: CodeLocation(function: "tick", file: "/srv/app/b.py", line: 3))
        ]
        return try Example.judge(
            readings, budget: budget, findings: [Example.finding(), Example.finding("LS106", consumer: "a|b`c")])
    }

    @Test("JUnit is well-formed XML whose counts are those of its cases")
    func junit() throws {
        let text = GateJUnit.text(try verdict(), name: "churn <&>")
        let parser = XMLParser(data: Data(text.utf8))
        let counter = ElementCounter()
        parser.delegate = counter
        #expect(parser.parse(), "\(String(describing: parser.parserError))\n\(text)")
        #expect(counter.counts["testcase"] == 5 && counter.counts["failure"] == 3 && counter.counts["skipped"] == 1)
        #expect(counter.suite["tests"] == "5" && counter.suite["failures"] == "3" && counter.suite["skipped"] == "1")
        #expect(counter.suite["name"] == "churn <&>")
    }

    @Test("SARIF has what its schema demands: version, driver, results whose rules exist, relative and encoded places")
    func sarif() throws {
        let text = GateSARIF.value(try verdict(), tool: "0.1.0", root: "/srv/app").text()
        let value = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(value["version"] as? String == "2.1.0")
        let run = try #require((value["runs"] as? [[String: Any]])?.first)
        let driver = try #require((run["tool"] as? [String: Any])?["driver"] as? [String: Any])
        let rules = Set(try #require(driver["rules"] as? [[String: Any]]).compactMap { $0["id"] as? String })
        let results = try #require(run["results"] as? [[String: Any]])
        #expect(results.count == 3)
        for result in results {
            #expect(rules.contains(try #require(result["ruleId"] as? String)))
            #expect(["error", "warning", "note"].contains(try #require(result["level"] as? String)))
            #expect((result["message"] as? [String: Any])?["text"] is String)
        }
        let place = try #require(
            (results[0]["locations"] as? [[String: Any]])?.first?["physicalLocation"] as? [String: Any])
        #expect((place["artifactLocation"] as? [String: Any])?["uri"] as? String == "chat/a%20%3Cb%3E.py")
        #expect((place["region"] as? [String: Any])?["startLine"] as? Int == 16)
        let blamed = try #require((results[2]["locations"] as? [[String: Any]])?.first?["physicalLocation"])
        #expect("\(blamed)".contains("b.py"), "a broken rule is shown where its suspect is")
        #expect((results[1]["suppressions"] as? [[String: Any]])?.first?["justification"] as? String == "known & <old>")
    }

    @Test("GitHub's annotations stay one line each, name file and line, and are at most ten")
    func github() throws {
        var verdict = try verdict()
        let text = GateGitHub.annotations(verdict, root: "/srv/app")
        #expect(text.hasPrefix("::error file=chat/a <b>.py,line=16,title=LS101"))
        #expect(text.split(separator: "\n").allSatisfy { $0.hasPrefix("::") })
        #expect(text.contains("::error file=b.py,line=3,title=tasks.growth"))
        // Ten of each kind are shown: no warning may take the place of an error.
        verdict.findings = Array(repeating: Example.finding("LS503", severity: .medium), count: 40)
        let lines = GateGitHub.annotations(verdict, root: "/").split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("::warning ") }.count == 10)
        #expect(lines.prefix(2).allSatisfy { $0.hasPrefix("::error ") } && lines.count == 12)
    }

    @Test(
        "Markdown is cut before its limit, worst first, and nothing in it is markup of the target's",
        arguments: [400, 900, 65_000])
    func markdown(_ limit: Int) throws {
        var verdict = try verdict()
        verdict.findings = (0..<50).map { Example.finding(consumer: "chat.`<script>|\($0)") }
        let text = GateMarkdown.text(verdict, name: "x", status: "failed", root: "/srv/app", limit: limit)
        #expect(text.utf8.count <= limit && text.hasPrefix("## loopscope gate: x: failed"))
        #expect(limit > 60_000 || text.contains("cut here"))
        #expect(!text.contains("`<script>"))
    }

    @Test("text and JSON say the same: what failed, what was borne, what expired")
    func text() throws {
        let text = GateText(try verdict()).text
        for part in [
            "✗  tasks.growth", "?  fds.growth", "✓  loops.growth", "borne until 2027-01-01", "expired on 2020-01-01",
            "a <b>.py:16", "       10 × tick (/srv/app/b.py:3)\n",
        ] {
            #expect(text.contains(part), "\(part) in\n\(text)")
        }
        let json = GateJSON.value(
            try verdict(), name: "x", status: "failed", exitCode: 2, fingerprint: Example.fingerprint
        ).text()
        let value = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect(value["schema"] as? String == "loopscope/gate/1")
        #expect(
            (value["rules"] as? [[String: Any]])?.map { $0["outcome"] as? String } == [
                "failed", "unmeasured", "passed",
            ])
    }
}

private final class ElementCounter: NSObject, XMLParserDelegate {
    var counts: [String: Int] = [:]
    var suite: [String: String] = [:]

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        counts[name, default: 0] += 1
        if name == "testsuite" { suite = attributes }
    }
}
