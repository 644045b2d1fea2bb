import Analysis
import Observations

/// What the target's server does with applications that do not end: read from its own configuration, else what it does by
/// default (measured on uvicorn 0.38 and 0.54, daphne 4.2, hypercorn 0.18).
struct ServerHabits {
    /// The package.
    let name: String
    /// How long it lets applications go on after SIGTERM.
    let grace: Nanoseconds
    /// How long an application may outlive its connection.
    let patience: Nanoseconds
    /// How long a handshake may stay unanswered; `nil` when that is not known.
    let handshake: Nanoseconds?
    /// Whether it has been told to end.
    let isStopping: Bool

    /// The habits of the server of `pid`; `nil` when it is none that is known.
    init?(_ evidence: Evidence, pid: Int32?) {
        let state = evidence.server(of: pid)
        let words = evidence.start?.description.lowercased().split { $0 == " " || $0 == "," } ?? []
        guard let name = state?.package ?? Self.known.first(where: { words.contains(Substring($0)) }) else {
            return nil
        }
        self.name = name
        let isUvicorn = name == "uvicorn"
        let isDaphne = name == "daphne"
        grace = state?.grace ?? (isUvicorn ? .max : isDaphne ? .zero : .seconds(3))
        patience = state?.patience ?? (isDaphne ? .seconds(10) : .max)
        handshake = state?.handshake ?? (isDaphne ? .seconds(5) : isUvicorn ? nil : .max)
        isStopping = state?.isStopping ?? false
    }

    private static let known = ["uvicorn", "daphne", "hypercorn"]

    /// What will become of consumers that do not end.
    var fate: String {
        if patience < .max { return "\(name) will cancel each of them \(patience.words) after its disconnect" }
        if grace == .max {
            return "on SIGTERM \(name) will wait for them, for ever without --timeout-graceful-shutdown"
        }
        return "on SIGTERM \(name) will wait for them until its graceful timeout of \(grace.words)"
    }

    /// What will become of a handshake that is not answered.
    var handshakeFate: String? {
        guard let handshake else { return nil }
        return handshake == .max
            ? "\(name) will wait for the answer for ever"
            : "\(name) ends such a connection after \(handshake.words), the consumer then gets its disconnect"
    }
}

extension Nanoseconds {
    /// `10 s`, `0.5 s`.
    var words: String {
        let tenths = (seconds * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int(tenths)) s" : "\(tenths) s"
    }
}
