import Observations

extension Verb {
    /// What no good client does.
    static let bad: [Verb] = [
        plain("abort", "breaks the connection with a reset", .abort),
        plain("half-close", "sends FIN and goes on reading", .halfClose),
        lasting("vanish", "never reads or answers again, as a phone without network", "60 s") { .vanish($0) },
        paced("slow-read", "reads so many bytes a second", "{rate: 1 KiB, for: 10 s}") {
            .slowRead(bytesPerSecond: $0, for: $1)
        },
        Verb("slow-handshake", "sends the handshake so many bytes a second", example: "slow-handshake: {rate: 10}") {
            argument, field in
            let fields = try (argument ?? field).mapping(["rate"])
            let rate = try fields.required("rate", example: "10").bytes()
            guard rate > 0 else { throw field.error("a rate of 0 sends nothing", remedy: "use `silence`") }
            return .misbehave(.slowHandshake(bytesPerSecond: rate))
        },
        lasting("silence", "opens the TCP connection and says nothing", "60 s") { .silence($0) },
        plain("close-before-accept", "goes before the handshake is answered", .closeBeforeAccept),
        Verb("leave-mid-handler", "sends a message and resets at once", example: "leave-mid-handler: {text: work}") {
            argument, field in
            .misbehave(.leaveMidHandler(try payload(argument ?? field)))
        },
        Verb("oversize", "sends one message of so many bytes", example: "oversize: 64 MiB") { argument, field in
            .misbehave(.oversize(try (argument ?? field).bytes()))
        },
        plain("bad-utf8", "sends text that is not UTF-8", .badUTF8),
        plain("bad-mask", "sends a frame without a mask", .badMask),
        plain("bad-opcode", "sends a frame of an opcode that does not exist", .badOpcode),
        paced("endless-fragments", "sends fragments of a message that never ends", "{rate: 1 KiB, for: 10 s}") {
            .endlessFragments(bytesPerSecond: $0, for: $1)
        },
        Verb("ping-flood", "sends so many pings a second", example: "ping-flood: {rate: 1000/s, for: 5 s}") {
            argument, field in
            let fields = try (argument ?? field).mapping(["rate", "for"])
            return .misbehave(
                .pingFlood(
                    perSecond: try fields.required("rate", example: "1000/s").rate(),
                    for: try fields.required("for", example: "5 s").duration()))
        },
        plain("double-close", "sends two close frames", .doubleClose),
        plain("duplicate-upgrade", "asks for the upgrade again on an open WebSocket", .duplicateUpgrade),
    ]

    private static func plain(_ name: String, _ summary: String, _ what: Misbehaviour) -> Verb {
        Verb(name, summary, example: name, standsAlone: true) { argument, _ in
            if let argument { throw argument.error("`\(name)` takes nothing", remedy: "write `- \(name)`") }
            return .misbehave(what)
        }
    }

    private static func lasting(
        _ name: String, _ summary: String, _ example: String, _ make: @escaping @Sendable (Nanoseconds) -> Misbehaviour
    ) -> Verb {
        Verb(name, summary, example: "\(name): \(example)") { argument, field in
            .misbehave(make(try (argument ?? field).duration()))
        }
    }

    private static func paced(
        _ name: String, _ summary: String, _ example: String,
        _ make: @escaping @Sendable (Int, Nanoseconds) -> Misbehaviour
    ) -> Verb {
        Verb(name, summary, example: "\(name): \(example)") { argument, field in
            let fields = try (argument ?? field).mapping(["rate", "for"])
            let rate = try fields.required("rate", example: "1 KiB").bytes()
            guard rate > 0 else { throw field.error("a rate of 0 is `vanish`", remedy: "use `vanish: 10 s`") }
            return .misbehave(make(rate, try fields.required("for", example: "10 s").duration()))
        }
    }
}
