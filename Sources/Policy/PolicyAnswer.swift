public import Observations

/// How a server ended a connection, or a handshake.
public enum PolicyEnd: Hashable, Sendable {
    /// With a close frame of this code.
    case close(Int)
    /// With an HTTP answer of this status.
    case status(Int)
    /// By closing the socket (FIN).
    case finished
    /// By resetting it (RST).
    case reset
}

/// What was found out about one question.
public enum PolicyAnswer: Hashable, Sendable {
    /// It happens again and again.
    case every(Nanoseconds)
    /// It happened so long after the cause.
    case after(Nanoseconds, PolicyEnd)
    /// It had not happened when watching ended.
    case notWithin(Nanoseconds)
    /// So many bytes were taken, and so many refused. Exact when they are one apart.
    case limit(taken: Int, refused: Int, PolicyEnd)
    /// So many bytes were taken, and more were not tried.
    case takes(Int)
    /// The resident memory of one, out of so many.
    case costs(bytes: Int, connections: Int)
    /// It was agreed on, in the server's words.
    case agreed(String)
    /// It was offered and not taken.
    case declined
    /// It ended so long after SIGTERM; the close codes that its clients got, 1006 for none.
    case exited(Nanoseconds, codes: [Int])
    /// It had not ended so long after SIGTERM, and was killed.
    case killed(Nanoseconds, codes: [Int])
    /// It was not found out, and why.
    case unknown(String)
}

/// What one server does: the answers to the questions that it was asked.
public struct PolicyRow: Hashable, Sendable {
    /// Which server: an address, or a name and version for a reference.
    public var name: String
    /// What it calls itself (`Server`), if it does.
    public var software: String?
    /// The answers.
    public var answers: [PolicyQuestion: PolicyAnswer]

    /// A row.
    public init(name: String, software: String? = nil, answers: [PolicyQuestion: PolicyAnswer] = [:]) {
        (self.name, self.software, self.answers) = (name, software, answers)
    }
}

/// Which server's settings an advice is about.
public enum ServerFamily: String, Hashable, Sendable, CaseIterable {
    case uvicorn, daphne, hypercorn, other

    /// Recognised by what a server calls itself, or by the command that launched it.
    public init(_ text: String?) {
        let text = text?.lowercased() ?? ""
        self = Self.allCases.first { $0 != .other && text.contains($0.rawValue) } ?? .other
    }
}
