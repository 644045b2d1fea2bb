public import Observations

/// One thing that a client does. A client is a list of them.
public indirect enum Step: Hashable, Sendable {
    /// Opens the WebSocket.
    case connect(Connect)
    /// Asks for a page over HTTP, on a connection of its own, and waits for the whole answer.
    case get(path: Template, headers: [Header], status: Int, within: Nanoseconds)
    /// Sends a message.
    case send(Payload)
    /// Waits for a message, or for the end.
    case expect(Expectation)
    /// Does nothing for a time; what arrives is kept for a later `expect`.
    case wait(Span)
    /// Stays open for a time as a good client: answers pings, and drops what arrives.
    case idle(Span)
    /// Waits until every client of the phase that has this barrier has come to it.
    case barrier(String)
    /// Sends a ping and waits for its pong.
    case ping(within: Nanoseconds)
    /// Closes with the closing handshake.
    case close(code: Int, reason: String, within: Nanoseconds)
    /// Connects again, waiting between tries.
    case reconnect(Backoff)
    /// Does some steps again and again; with `every`, each round is due at its own time however long the last one took.
    case `repeat`(times: Int, every: Nanoseconds?, steps: [Step])
    /// Does what no good client does.
    case misbehave(Misbehaviour)

    /// How to open the WebSocket.
    public struct Connect: Hashable, Sendable {
        /// What the server should answer.
        public enum Outcome: Hashable, Sendable {
            /// 101.
            case open
            /// This HTTP status.
            case status(Int)
            /// Nothing, until the time is over.
            case silence
        }

        /// Path and query.
        public var path: Template
        /// More header fields.
        public var headers: [Header]
        /// Subprotocols to offer.
        public var subprotocols: [String]
        /// A token that is signed for each client.
        public var token: Token?
        /// Time for all of it.
        public var within: Nanoseconds
        /// What should come of it.
        public var outcome: Outcome

        /// The plainest: the scenario's own path, 101 within thirty seconds.
        public init() {
            (path, headers, subprotocols, outcome) = (Template(literal: ""), [], [], .open)
            within = .seconds(30)
        }
    }

    /// A header field. Its value may be a secret and is never recorded.
    public struct Header: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// Its value.
        public var value: Template
        /// The value as the scenario has it.
        let source: String

        init(name: String, value: Template, source: String = "") {
            (self.name, self.value, self.source) = (name, value, source)
        }
    }

    /// What to send.
    public enum Payload: Hashable, Sendable {
        /// Text.
        case text(Template)
        /// So many random bytes.
        case binary(Int)
        /// These bytes.
        case bytes([UInt8])
    }

    /// A fixed time, or one by chance between two.
    public struct Span: Hashable, Sendable {
        /// The shortest.
        public var from: Nanoseconds
        /// The longest.
        public var to: Nanoseconds

        /// The time for one client.
        public func length(using generator: inout SeededGenerator) -> Nanoseconds {
            guard to > from else { return from }
            return Nanoseconds(.random(in: from.count...to.count, using: &generator))
        }
    }

    /// What should arrive.
    public struct Expectation: Hashable, Sendable {
        /// What it must be.
        public enum Kind: Hashable, Sendable {
            /// Any message.
            case message
            /// This text.
            case text(Template)
            /// Text that contains this.
            case contains(Template)
            /// The end, with this code if one is given.
            case closed(code: Int?)
            /// Nothing at all.
            case nothing
            /// JSON messages whose field counts up by one, also across a reconnect.
            case sequence(NumberedMessages)
        }

        /// What it must be.
        public var kind: Kind
        /// How long it may take.
        public var within: Nanoseconds
    }
}
