import Observations
import Policy
import Testing

@Suite("Advice on a server's policy")
struct AdviceTests {
    @Test(
        "says what is well, and where to change what is not",
        arguments: [
            (
                PolicyQuestion.ping, PolicyAnswer.every(.seconds(20)), ServerFamily.uvicorn, PolicyAdvice.Mark.good,
                "proxies"
            ),
            (.ping, .every(.seconds(90)), .daphne, .remark, "--ping-interval 20"),
            (.ping, .notWithin(.seconds(55)), .hypercorn, .bad, "--websocket-ping-interval 20"),
            (.ping, .notWithin(.seconds(10)), .uvicorn, .remark, "--within"),
            (.ghost, .after(.seconds(40), .close(1011)), .uvicorn, .good, "no longer"),
            (.ghost, .notWithin(.seconds(55)), .uvicorn, .bad, "0.44"),
            (.ghost, .notWithin(.seconds(30)), .daphne, .remark, "--within"),
            (.unaccepted, .after(.seconds(5), .status(500)), .daphne, .good, "bounded"),
            (.unaccepted, .notWithin(.seconds(55)), .daphne, .bad, "--websocket_connect_timeout"),
            (.unaccepted, .notWithin(.seconds(55)), .uvicorn, .bad, "timeout"),
            (.slowHead, .notWithin(.seconds(55)), .hypercorn, .remark, "--read-timeout"),
            (.silence, .after(.seconds(5), .finished), .other, .good, "cut"),
            (.close, .after(.milliseconds(1), .finished), .other, .remark, "1006"),
            (.close, .notWithin(.seconds(55)), .other, .bad, "1006"),
            (.message, .takes(16 << 20), .daphne, .bad, "proxy"),
            (
                .message, .limit(taken: 16 << 20, refused: 16 << 20 | 1, .close(1009)), .uvicorn, .remark,
                "--ws-max-size"
            ),
            (.message, .limit(taken: 65_536, refused: 65_537, .close(1009)), .uvicorn, .good, "bounded"),
            (.claim, .notWithin(.seconds(3)), .other, .remark, "payload"),
            (.compression, .agreed("permessage-deflate"), .uvicorn, .remark, "--ws-per-message-deflate false"),
            (.compression, .agreed("permessage-deflate; server_no_context_takeover"), .other, .good, "no window"),
            (.idle, .costs(bytes: 36_000, connections: 200), .uvicorn, .good, "360 MB"),
            (.shutdown, .exited(.milliseconds(200), codes: [1012, 1012]), .uvicorn, .good, "come again"),
            (.shutdown, .exited(.milliseconds(200), codes: [1006, 1012]), .daphne, .remark, "1001 or 1012"),
            (.stubbornShutdown, .killed(.seconds(10), codes: [1012]), .uvicorn, .bad, "--timeout-graceful-shutdown"),
        ])
    func advice(
        _ question: PolicyQuestion, _ answer: PolicyAnswer, _ family: ServerFamily, _ mark: PolicyAdvice.Mark,
        _ text: String
    ) {
        let advice = PolicyAdvice.on(question, answer, of: family)
        #expect(advice.mark == mark)
        #expect(advice.text.contains(text), "\(advice.text)")
    }

    @Test("what was not found out is neither well nor bad, and says why", arguments: PolicyQuestion.allCases)
    func unknown(_ question: PolicyQuestion) {
        #expect(
            PolicyAdvice.on(question, .unknown("because"), of: .other) == PolicyAdvice(mark: .unknown, text: "because"))
    }

    @Test("known servers were asked everything, and one line on each answer names no other server's setting")
    func references() {
        #expect(PolicyReference.rows.count >= 6)
        for row in PolicyReference.rows {
            #expect(Set(row.answers.keys) == Set(PolicyQuestion.allCases), "\(row.name)")
            let family =
                row.name.contains("daphne")
                ? ServerFamily.daphne : row.name.contains("hypercorn") ? .hypercorn : .uvicorn
            for (question, answer) in row.answers {
                let text = PolicyAdvice.on(question, answer, of: family).text
                #expect(!text.isEmpty && (family == .uvicorn || !text.contains("--ws")))
            }
        }
    }

    @Test(
        "a server is recognised by what it calls itself, or by its command",
        arguments: [
            ("uvicorn", ServerFamily.uvicorn), ("Daphne", .daphne), ("hypercorn-h11", .hypercorn),
            ("python -m uvicorn app:application", .uvicorn), ("nginx", .other), (nil, .other),
        ] as [(String?, ServerFamily)])
    func family(_ text: String?, _ family: ServerFamily) { #expect(ServerFamily(text) == family) }
}
