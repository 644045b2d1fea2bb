import Observations
import Scenarios
import Testing

@Suite("A scenario")
struct ScenarioTests {
    @Test("is read whole: clients, phases, checks, expected findings")
    func whole() throws {
        let scenario = try Scenario(
            yaml: """
                scenario: swallowed stop
                seed: 7
                path: /ws/chat
                clients:
                  idler: [connect, {idle: 2 s}, {close: {code: 1001, reason: bye}}]
                  talker:
                    - connect: {path: "/ws/echo?room=${client}", subprotocols: chat, within: 2 s}
                    - repeat:
                        times: 3
                        steps:
                          - send: {json: {type: hello, n: 1, from: "${client}"}}
                          - expect: {contains: hello, within: 500 ms}
                          - wait: {from: 10 ms, to: 20 ms}
                    - abort
                phases:
                  - {phase: churn, clients: {idler: 3, talker: 1}, arrivals: {rate: 20/s, for: 2 s, shape: poisson}}
                  - phase: after
                    for: 1 s
                    settle: 10 s
                    check: ["consumers.stuck{chat.ChatConsumer} == 0", cpu.percent < 2 %]
                expect: {findings: LS001}
                """)
        #expect(scenario.name == "swallowed stop" && scenario.seed == 7 && scenario.path == "/ws/chat")
        #expect(scenario.clients["idler"]?.count == 3)
        guard case .connect(let connect) = scenario.clients["talker"]?.first else {
            Issue.record("no connect")
            return
        }
        var generator = SeededGenerator(seed: 1)
        #expect(connect.path.text(client: 4, sequence: 0, using: &generator) == "/ws/echo?room=4")
        #expect(connect.subprotocols == ["chat"] && connect.within == .seconds(2))
        guard case .repeat(3, nil, let steps) = scenario.clients["talker"]?[1],
            case .send(.text(let json)) = steps.first
        else {
            Issue.record("no repeat")
            return
        }
        #expect(
            json.text(client: 9, sequence: 0, using: &generator) == #"{"type":"hello","n":1,"from":"9"}"#)
        #expect(scenario.phases[0].clients.map(\.weight).sorted() == [1, 3])
        #expect(scenario.phases[1].checks.map(\.consumer) == ["chat.ChatConsumer", nil])
        #expect(scenario.phases[1].checks[1].holds(for: 1.9) && !scenario.phases[1].checks[1].holds(for: 2))
        #expect(scenario.expectedFindings == ["LS001"])
    }

    static let mistakes: [(yaml: String, line: Int, says: String, remedy: String)] = [
        ("scenario: x\nphasis: []", 2, "no `phasis`", "did you mean `phases`?"),
        ("scenario: x\nphases:\n  - {phase: a, clients: b}", 3, "clients cannot be `b`", "it may be"),
        (
            "scenario: x\nclients:\n  a: [conect]\nphases: [{phase: p}]", 3, "no step `conect`",
            "did you mean `connect`?"
        ),
        (
            "scenario: x\nclients:\n  a: [{send: {txt: hi}}]\nphases: [{phase: p}]", 3, "no `txt`",
            "did you mean `text`?"
        ),
        ("scenario: x\nclients:\n  a: [{send: {text: \"${clent}\"}}]\nphases: [{phase: p}]", 3, "no `${clent}`", ""),
        ("scenario: x\nclients:\n  a: [{wait: 3}]\nphases: [{phase: p}]", 3, "length of time", "250 ms"),
        ("scenario: x\nclients:\n  a: [ping]\nphases: [{phase: p}]", 3, "needs a connection", "- connect"),
        ("scenario: x\nclients:\n  a: []\nphases: [{phase: p}]", 3, "does nothing", "- connect"),
        ("scenario: x\nclients:\n  a: [connect]\nphases: [{phase: p, clients: a}]", 4, "how they come", "population"),
        (
            "scenario: x\nphases: [{phase: p, check: task.leaked == 0}]", 2, "no metric `task.leaked`",
            "did you mean `tasks.leaked`?"
        ),
        ("scenario: x\nphases: [{phase: p, check: tasks.leaked}]", 2, "compares nothing", "consumers.stuck == 0"),
        ("scenario: x\nphases: [{phase: p, check: latency.p99 < 50}]", 2, "no value of `latency.p99`", "50 ms"),
        ("scenario: x\nphases: [{phase: p, check: \"cpu.percent{a.B} < 2\"}]", 2, "not known by consumer", "braces"),
        ("scenario: x\nphases: [{phase: p}]\nexpect: {findings: [LS1]}", 3, "code of a finding", "LS001"),
        ("scenario: x\nphases: []", 2, "at least one phase", ""),
        ("scenario: x", 1, "no `phases`", "add `phases"),
        ("scenario: x\nscenario: y\nphases: [{phase: p}]", 1, "stands twice", ""),
        ("scenario: [", 2, "no YAML", ""),
        ("", 1, "empty", ""),
        ("scenario: x\nclients:\n  a: [connect, abort: 3]\nphases: [{phase: p}]", 3, "takes nothing", "- abort"),
        (
            "scenario: x\nclients:\n  a: [{connect: {headers: {\"a b\": c}}}]\nphases: [{phase: p}]", 3,
            "no name of a header", ""
        ),
        (
            "scenario: x\nclients:\n  a: [connect]\nphases: [{phase: p, clients: a, population: 1, arrivals: {rate: 1/s, for: 1 s}}]",
            4, "not both", ""
        ),
        (
            "scenario: x\nclients:\n  a: [connect]\nphases: [{phase: p, clients: a, arrivals: {rate: 100000/s, for: 1 h}}]",
            4, "more than 1000000", ""
        ),
        (
            "scenario: x\nclients:\n  a: [connect]\nphases: [{phase: p, clients: a, visits: [{client: a}]}]", 4,
            "twice",
            "leave `clients` out"
        ),
        (
            "scenario: x\nclients:\n  abc: [connect]\nphases: [{phase: p, visits: [{client: abd}]}]", 4,
            "cannot be `abd`",
            "did you mean `abc`?"
        ),
        (
            "scenario: x\nclients:\n  a: [{connect: {token: {claims: {}}}}]\nphases: [{phase: p}]", 3, "no `secret`",
            "add `secret"
        ),
        (
            "scenario: x\nclients:\n  a:\n    - connect:\n        token: {secret: s, claims: {exp: 1735689600}}\nphases: [{phase: p}]",
            5, "length of time from when the client connects", "5 min"
        ),
        (
            "scenario: x\nclients:\n  a: [{connect: {token: {secret: s, in: hedaer}}}]\nphases: [{phase: p}]", 3,
            "cannot be `hedaer`", "did you mean `header`?"
        ),
        (
            "scenario: x\nclients:\n  a: [{connect: {token: {secret: s, name: t}}}]\nphases: [{phase: p}]", 3,
            "only a token in the query has a name", "in: query"
        ),
        (
            "scenario: x\nclients:\n  a: [{connect: {token: {secret: s, in: query, name: \"a b\"}}}]\nphases: [{phase: p}]",
            3, "letters, digits", "token"
        ),
        (
            "scenario: x\nclients:\n  a: [connect, {expect: {sequence: {field: n, count: 1, through: 2}}}]\nphases: [{phase: p}]",
            3, "one of the two", "count: 10"
        ),
        (
            "scenario: x\nclients:\n  a: [connect, {expect: {sequence: {field: n, count: 1, delivery: once}}}]\nphases: [{phase: p}]",
            3, "delivery cannot be `once`", "exactly-once"
        ),
        (
            "scenario: x\nclients:\n  a: [connect, {expect: {sequence: {field: n, from: 3, through: 2}}}]\nphases: [{phase: p}]",
            3, "less than `from`", ""
        ),
    ]

    @Test("has clients come each at a time of its own, and writes a dollar sign where a place would begin")
    func visits() throws {
        let scenario = try Scenario(
            yaml: """
                scenario: x
                clients: {a: [connect, {send: {text: "${$}{client} costs ${$}1"}}], b: [connect]}
                phases: [{phase: p, visits: [{client: a, at: 1 s, count: 2}, {client: b}]}]
                """)
        guard case .visits(let visits) = scenario.phases[0].load,
            case .send(.text(let text)) = scenario.clients["a"]?[1]
        else {
            Issue.record("no visits")
            return
        }
        #expect(visits.map(\.client) == ["a", "a", "b"] && visits.map(\.offset) == [.seconds(1), .seconds(1), .zero])
        var generator = SeededGenerator(seed: 1)
        #expect(text.text(client: 4, sequence: 0, using: &generator) == "${client} costs $1")
    }

    @Test("reads a token: its claims with their types, times from now, and where it stands")
    func token() throws {
        let scenario = try Scenario(
            yaml: """
                scenario: x
                clients:
                  a:
                    - connect:
                        token:
                          secret: s3cret
                          claims: {sub: "u-${client}", n: 3, x: 1.5, "on": true, none: , many: [1, "2"], exp: 5 min, iat: -10 s}
                          in: query
                          name: jwt
                phases: [{phase: p}]
                """)
        guard case .connect(let connect) = scenario.clients["a"]?.first, let token = connect.token else {
            Issue.record("no token")
            return
        }
        #expect(token.secret == "s3cret" && token.place == .query(name: "jwt") && connect.headers.isEmpty)
        #expect(token.claims["n"] == .integer(3) && token.claims["x"] == .number(1.5))
        #expect(token.claims["on"] == .bool(true) && token.claims["none"] == .null)
        #expect(token.claims["many"] == .list([.integer(1), .text(Template(literal: "2"))]))
        #expect(token.claims["exp"] == .time(fromNow: .seconds(300)))
        #expect(token.claims["iat"] == .time(fromNow: .seconds(-10)))
        guard case .text(let subject) = token.claims["sub"] else {
            Issue.record("no sub")
            return
        }
        var generator = SeededGenerator(seed: 1)
        #expect(subject.text(client: 7, sequence: 0, using: &generator) == "u-7")
    }

    @Test("says what is wrong, in which line, and what was meant", arguments: mistakes)
    func mistake(_ mistake: (yaml: String, line: Int, says: String, remedy: String)) {
        let error = #expect(throws: ScenarioError.self) { try Scenario(yaml: mistake.yaml) }
        #expect(error?.what.contains(mistake.says) == true, "\(String(describing: error))")
        #expect(
            mistake.remedy.isEmpty || error?.remedy?.contains(mistake.remedy) == true, "\(String(describing: error))")
        #expect(error?.line == mistake.line, "\(String(describing: error))")
    }

    @Test("that is a bomb of aliases, or nested for ever, or huge, ends in an error and not in a crash")
    func bombs() {
        var bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1...9 {
            let before = "*a\(level - 1)"
            bomb += "a\(level): &a\(level) [" + Array(repeating: before, count: 10).joined(separator: ",") + "]\n"
        }
        let asPhases = bomb.split(separator: "\n").joined(separator: "\n") + "\nphases: *a9\n"
        for text in [
            asPhases, "scenario: " + String(repeating: "[", count: 100_000),
            "scenario: x\nphases:\n" + String(repeating: "- ", count: 50_000),
            (0..<2_000).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n"),
            "phases: &a [*a]", String(repeating: "x", count: 2 << 20),
        ] {
            #expect(throws: ScenarioError.self) { try Scenario(yaml: text) }
        }
    }

    @Test("cut anywhere is read or refused, and never traps")
    func truncated() {
        let text = """
            scenario: "x"
            clients: {a: [connect, {send: {text: "é ${seq}"}}, {repeat: {times: 2, steps: [ping]}}]}
            phases: [{phase: p, clients: a, arrivals: {from: 1/s, to: 9/s, for: 1 s}, check: ["fds.growth <= 0"]}]
            """
        for end in text.indices { _ = try? Scenario(yaml: String(text[..<end])) }
    }

    @Test("can use every verb as its own example shows it")
    func examples() throws {
        for verb in Verb.all {
            let first =
                ["connect", "silence", "slow-handshake", "close-before-accept"].contains(verb.name) ? "" : "connect, "
            let yaml = "scenario: x\nclients:\n  a: [\(first){\(verb.example)}]\nphases: [{phase: p}]"
            let lone = "scenario: x\nclients:\n  a: [\(first)\(verb.example)]\nphases: [{phase: p}]"
            #expect(throws: Never.self, "\(verb.name)") { try Scenario(yaml: verb.example.contains(":") ? yaml : lone) }
            if verb.standsAlone {
                let bare = "scenario: x\nclients:\n  a: [\(first)\(verb.name)]\nphases: [{phase: p}]"
                #expect(throws: Never.self, "\(verb.name)") { try Scenario(yaml: bare) }
            }
        }
    }
}
