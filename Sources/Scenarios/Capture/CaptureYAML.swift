import Foundation
import Observations

extension Scenario {
    /// The same scenario as `init(_:speed:clients:seed:)`, as a person can go on with it: in the scenario language.
    ///
    /// - Throws: `CaptureError` when it is more than a file of that language may hold.
    public static func yaml(
        _ capture: Capture, speed: Speed = .times(1), clients count: Int = 1, seed: UInt64 = 1
    ) throws(CaptureError) -> String {
        let scenario = try Scenario(capture, speed: speed, clients: count, seed: seed)
        var lines = [
            "# What a browser did, recorded at \(capture.host.filter { !$0.isNewline }); cookies, header fields and secrets in addresses are left out.",
            "scenario: " + JSONText.quoted(scenario.name), "seed: \(seed)", "", "clients:",
        ]
        var visits: [String] = []
        for (index, connection) in capture.connections.enumerated() {
            let name = JSONText.quoted(connection.clientName(index))
            lines.append("  \(name):")
            lines += connection.moves(speed).map { "    - " + $0.yaml }
            let at = Quantities.words(speed.span(connection.offset))
            visits.append("      - {client: \(name), at: \(at)\(count > 1 ? ", count: \(count)" : "")}")
        }
        lines += ["", "phases:", "  - phase: \(Capture.phase)", "    visits:"] + visits
        lines += ["    settle: \(Quantities.words(Capture.settle))", ""]
        let text = lines.joined(separator: "\n")
        do throws(ScenarioError) {
            guard try Scenario(yaml: text) == scenario else {
                throw ScenarioError("it reads differently", line: 1, column: 1)
            }
        } catch {
            throw CaptureError(
                "it cannot be written as a scenario: \(error.what)",
                remedy: "replay the HAR file itself, or record a shorter time")
        }
        return text
    }
}

extension Capture.Move {
    /// The step as it is written.
    fileprivate var yaml: String {
        switch self {
        case .connect(let target, let subprotocols):
            let offers = subprotocols.map { JSONText.quoted($0) }.joined(separator: ", ")
            let path = Template.escaped(target)
            return "connect: {path: \(JSONText.quoted(path))\(offers.isEmpty ? "" : ", subprotocols: [\(offers)]")}"
        case .idle(let length): return "idle: " + Quantities.words(length)
        case .text(let text): return "send: {text: \(JSONText.quoted(Template.escaped(text)))}"
        case .bytes(let bytes): return "send: {base64: \(JSONText.quoted(Data(bytes).base64EncodedString()))}"
        case .ping: return "ping: {within: 30 s}"
        case .close: return "close"
        }
    }
}
