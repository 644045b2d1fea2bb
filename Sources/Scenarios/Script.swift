/// What must be true of a client's steps before anybody plays them.
enum Script {
    /// Most steps of one client, repetitions counted once.
    static let limit = 10_000

    /// Refuses what cannot be played: sending before connecting, an empty script.
    static func check(_ steps: [Step], _ field: Field) throws(ScenarioError) {
        guard let first = steps.first else {
            throw field.error("\(field.path) does nothing", remedy: "add `- connect`")
        }
        guard count(steps) <= limit else { throw field.error("\(field.path) has more than \(limit) steps") }
        guard opens(first) else {
            throw field.error(
                "\(field.path) begins with a step that needs a connection", remedy: "begin it with `- connect`")
        }
    }

    private static func count(_ steps: [Step]) -> Int {
        steps.reduce(0) { sum, step in
            if case .repeat(_, _, let inner) = step { return sum + 1 + count(inner) }
            return sum + 1
        }
    }

    /// Whether a step can be the first.
    private static func opens(_ step: Step) -> Bool {
        switch step {
        case .connect, .get, .wait, .barrier, .reconnect: true
        case .repeat(_, _, let inner): inner.first.map(opens) ?? false
        case .misbehave(let what):
            switch what {
            case .silence, .slowHandshake, .closeBeforeAccept: true
            default: false
            }
        default: false
        }
    }

    /// The barriers that a client comes to.
    static func barriers(_ steps: [Step]) -> Set<String> {
        steps.reduce(into: []) { names, step in
            switch step {
            case .barrier(let name): names.insert(name)
            case .repeat(_, _, let inner): names.formUnion(barriers(inner))
            default: break
            }
        }
    }
}

extension Scenario {
    /// The barriers that clients of this kind come to.
    public func barriers(of client: String) -> Set<String> { Script.barriers(clients[client] ?? []) }
}

extension Step {
    /// The verb it was written with, for messages.
    public var verb: String {
        switch self {
        case .connect: "connect"
        case .get: "get"
        case .send: "send"
        case .expect: "expect"
        case .wait: "wait"
        case .idle: "idle"
        case .barrier: "barrier"
        case .ping: "ping"
        case .close: "close"
        case .reconnect: "reconnect"
        case .repeat: "repeat"
        case .misbehave(let what): what.verb
        }
    }
}

extension Misbehaviour {
    /// The verb it was written with.
    public var verb: String {
        switch self {
        case .abort: "abort"
        case .halfClose: "half-close"
        case .vanish: "vanish"
        case .slowRead: "slow-read"
        case .slowHandshake: "slow-handshake"
        case .silence: "silence"
        case .closeBeforeAccept: "close-before-accept"
        case .leaveMidHandler: "leave-mid-handler"
        case .oversize: "oversize"
        case .badUTF8: "bad-utf8"
        case .badMask: "bad-mask"
        case .badOpcode: "bad-opcode"
        case .endlessFragments: "endless-fragments"
        case .pingFlood: "ping-flood"
        case .doubleClose: "double-close"
        case .duplicateUpgrade: "duplicate-upgrade"
        }
    }
}
