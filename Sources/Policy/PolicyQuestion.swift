/// What `doctor` asks of a server: one column of the table of policies.
public enum PolicyQuestion: String, Hashable, Sendable, CaseIterable {
    /// How often an open connection is pinged.
    case ping
    /// How long a client that never answers a ping is kept.
    case ghost
    /// How long a client waits whose handshake the application neither accepts nor refuses.
    case unaccepted
    /// How long the head of a request may go on arriving line by line (slow loris).
    case slowHead = "slow-head"
    /// How long a connection is kept that never says anything.
    case silence
    /// How soon a client's close frame is answered.
    case close
    /// How long the socket stays after the server's own close frame, when the client does not answer it.
    case unansweredClose = "unanswered-close"
    /// The largest message that is taken.
    case message
    /// How soon a frame is refused that claims to be a terabyte.
    case claim
    /// Whether permessage-deflate is agreed on.
    case compression
    /// What an idle connection costs in resident memory.
    case idle
    /// How long SIGTERM takes with well-behaved clients connected.
    case shutdown
    /// How long SIGTERM takes with a client that never answers the close.
    case stubbornShutdown = "stubborn-shutdown"

    /// Those that only a server is asked that we launched: they end it.
    public static let ofLaunched: [PolicyQuestion] = [.shutdown, .stubbornShutdown]

    /// A heading of one or two words.
    public var title: String {
        switch self {
        case .ping: "pings every"
        case .ghost: "ghost gone"
        case .unaccepted: "no accept"
        case .slowHead: "slow head"
        case .silence: "silence"
        case .close: "answers close"
        case .unansweredClose: "own close"
        case .message: "message"
        case .claim: "1 TB frame"
        case .compression: "deflate"
        case .idle: "idle"
        case .shutdown: "SIGTERM"
        case .stubbornShutdown: "stubborn"
        }
    }

    /// The question in words.
    public var words: String {
        switch self {
        case .ping: "pings an open connection"
        case .ghost: "lets a client go that never answers a ping"
        case .unaccepted: "gives up a handshake that the application never answers"
        case .slowHead: "cuts a request whose head never ends"
        case .silence: "cuts a connection that says nothing"
        case .close: "answers a client's close frame"
        case .unansweredClose: "cuts the socket when its own close frame is not answered"
        case .message: "largest message"
        case .claim: "refuses a frame that claims a terabyte"
        case .compression: "permessage-deflate"
        case .idle: "memory of an idle connection"
        case .shutdown: "ends after SIGTERM, clients connected"
        case .stubbornShutdown: "ends after SIGTERM, a client not answering the close"
        }
    }
}
