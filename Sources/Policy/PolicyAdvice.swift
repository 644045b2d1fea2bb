import Observations

/// One line on an answer: whether it is well, and what to change where.
public struct PolicyAdvice: Hashable, Sendable {
    /// How the answer is judged.
    public enum Mark: String, Hashable, Sendable {
        /// As it should be.
        case good
        /// Worth knowing.
        case remark
        /// It will hurt.
        case bad
        /// Not found out.
        case unknown
    }

    /// The judgement.
    public var mark: Mark
    /// The line.
    public var text: String

    /// An advice.
    public init(mark: Mark, text: String) { (self.mark, self.text) = (mark, text) }

    /// Proxies cut a connection that is idle for so long: nginx's `proxy_read_timeout`, and many a load balancer.
    static let proxyTimeout = Nanoseconds.seconds(60)

    /// The advice on an answer.
    public static func on(_ question: PolicyQuestion, _ answer: PolicyAnswer, of family: ServerFamily) -> PolicyAdvice {
        if case .unknown(let why) = answer { return PolicyAdvice(mark: .unknown, text: why) }
        let (mark, text) =
            switch question {
            case .ping: ping(answer, family)
            case .ghost: ghost(answer, family)
            case .unaccepted: unaccepted(answer, family)
            case .slowHead, .silence: unfinished(answer, family)
            case .close: close(answer)
            case .unansweredClose: unansweredClose(answer)
            case .message, .claim: size(answer, family)
            case .compression: compression(answer, family)
            case .idle: idle(answer)
            case .shutdown, .stubbornShutdown: shutdown(answer, family)
            }
        return PolicyAdvice(mark: mark, text: text)
    }

    private static func ping(_ answer: PolicyAnswer, _ family: ServerFamily) -> (Mark, String) {
        let remedy =
            switch family {
            case .uvicorn: "--ws-ping-interval 20 (uvicorn's wsproto never pings, its sansio does since 0.44)"
            case .daphne: "--ping-interval 20"
            case .hypercorn: "--websocket-ping-interval 20 (it never asks whether a pong came)"
            case .other: "have the server ping, or the application send something"
            }
        switch answer {
        case .every(let interval) where interval < proxyTimeout:
            return (.good, "often enough for proxies that cut idle connections after 60 s")
        case .every: return (.remark, "proxies cut idle connections after 60 s (nginx: proxy_read_timeout): \(remedy)")
        case .notWithin(let watched) where watched < .seconds(25):
            return (.remark, "not watched for long enough to say: --within 60")
        default: return (.bad, "proxies cut idle connections, and nobody notices a client that vanished: \(remedy)")
        }
    }

    private static func ghost(_ answer: PolicyAnswer, _ family: ServerFamily) -> (Mark, String) {
        switch answer {
        case .after(let time, _) where time <= .seconds(120):
            (.good, "a client that vanished holds its resources no longer")
        case .after: (.remark, "until then a client that vanished holds its socket, its consumer and its groups")
        case .notWithin(let watched) where watched < .seconds(45):
            (.remark, "not watched for long enough to say: --within 60")
        default:
            switch family {
            case .uvicorn:
                (.bad, "vanished clients stay until a write fails: --ws websockets, or uvicorn 0.44 or newer")
            case .hypercorn:
                (.bad, "vanished clients stay until a write fails: have the application expect a message, and close")
            case .daphne: (.bad, "vanished clients stay until a write fails: --ping-timeout 30")
            case .other: (.bad, "vanished clients stay until a write fails: give pongs a deadline")
            }
        }
    }

    private static func unaccepted(_ answer: PolicyAnswer, _ family: ServerFamily) -> (Mark, String) {
        switch answer {
        case .after: (.good, "a connect() that never answers is bounded by the server")
        case .notWithin(let watched) where watched < .seconds(15):
            (.remark, "not watched for long enough to say: --within 60")
        default:
            family == .daphne
                ? (.bad, "nobody bounds connect(): --websocket_connect_timeout 5")
                : (.bad, "nobody bounds connect(): put its body under a timeout, and close() when it is over")
        }
    }

    private static func unfinished(_ answer: PolicyAnswer, _ family: ServerFamily) -> (Mark, String) {
        switch answer {
        case .after: return (.good, "a client that dawdles is cut")
        default:
            let own = family == .hypercorn ? "--read-timeout 30, or " : ""
            return (.remark, "one client can hold sockets for nothing: \(own)a proxy with a header timeout in front")
        }
    }

    private static func close(_ answer: PolicyAnswer) -> (Mark, String) {
        switch answer {
        case .after(_, .close): (.good, "as RFC 6455 §5.5.1 wants it")
        case .after: (.remark, "the socket is closed without a close frame: clients report 1006 instead of their code")
        default: (.bad, "clients wait for an answer until their own timeout, and report 1006")
        }
    }

    private static func unansweredClose(_ answer: PolicyAnswer) -> (Mark, String) {
        switch answer {
        case .after: (.good, "a client that does not answer a close cannot hold its connection")
        default: (.remark, "a client that does not answer a close holds its connection: a deadline for it is missing")
        }
    }

    private static func size(_ answer: PolicyAnswer, _ family: ServerFamily) -> (Mark, String) {
        let remedy =
            switch family {
            case .uvicorn: "--ws-max-size 1048576 (not honoured by wsproto)"
            case .hypercorn: "websocket_max_message_size = 1048576 in its configuration"
            case .daphne: "daphne has no setting: limit it in the proxy, or in the application"
            case .other: "set a limit"
            }
        switch answer {
        case .limit(let taken, _, _) where taken <= 1 << 20: return (.good, "bounded")
        case .limit:
            return (.remark, "each connection may make the server hold that much; if yours are smaller: \(remedy)")
        case .after: return (.good, "refused by its header")
        case .takes: return (.bad, "no limit was found: one client can fill the memory: \(remedy)")
        default: return (.remark, "it waits for the payload: only the limit on what has arrived protects it")
        }
    }

    private static func compression(_ answer: PolicyAnswer, _ family: ServerFamily) -> (Mark, String) {
        switch answer {
        case .agreed(let value) where value.contains("server_no_context_takeover"):
            (.good, "without a context between messages: no window per connection")
        case .agreed:
            family == .uvicorn
                ? (.remark, "a window per connection (up to 300 kB): --ws-per-message-deflate false if memory is short")
                : (.remark, "a window per connection (up to 300 kB): switch it off if memory is short")
        default: (.good, "not agreed on: no window per connection, and more bytes on the wire")
        }
    }

    private static func idle(_ answer: PolicyAnswer) -> (Mark, String) {
        guard case .costs(let bytes, _) = answer else { return (.unknown, "not measured") }
        let thousands = (bytes + 500) / 1000
        return (bytes > 200_000 ? .remark : .good, "10 000 connections take about \(thousands * 10) MB")
    }

    private static func shutdown(_ answer: PolicyAnswer, _ family: ServerFamily) -> (Mark, String) {
        let remedy =
            switch family {
            case .uvicorn: "--timeout-graceful-shutdown 5"
            // Measured on CPython 3.12 and 3.13: its own --graceful-timeout of 3 s does not end it.
            case .hypercorn: "a deadline of whoever starts it (TimeoutStopSec, stop_grace_period)"
            case .daphne, .other: "give the shutdown a deadline"
            }
        switch answer {
        case .exited(let time, let codes) where time <= .seconds(10):
            let isTold = codes.allSatisfy { $0 == 1001 || $0 == 1012 }
            return isTold
                ? (.good, "clients are told to come again")
                : (.remark, "clients cannot tell it from a broken connection: no 1001 or 1012 for all of them")
        case .exited: return (.remark, "longer than most deploys wait: \(remedy)")
        default: return (.bad, "a deploy hangs until SIGKILL: \(remedy)")
        }
    }
}
