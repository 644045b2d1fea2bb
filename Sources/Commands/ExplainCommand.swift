import Analysis
import ArgumentParser
import Detectors
import Observations
import Reports

/// `loopscope explain CODE`: what a finding means, how it is detected, how to fix it.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say what a finding means, how it is detected, and how to fix it.",
        discussion: "Without a code: the list of all codes.\n\nExample: loopscope explain LS001")

    @Argument(help: "A finding's code: LS001.")
    var code: String?

    @Flag(help: "Print as Markdown, as in docs/findings/.")
    var markdown = false

    func run() async throws {
        let world = World.current
        guard let code else {
            world.output(markdown ? FindingPage.index(Catalogue.all.map(\.card)) : list)
            return
        }
        guard let detector = Catalogue.detector(for: code) else {
            throw CommandError(
                "there is no finding \(code.plain(limit: 32))", do: "`loopscope explain` lists all codes",
                status: .usage)
        }
        world.output(markdown ? FindingPage.markdown(detector.card) : FindingPage.text(detector.card))
    }

    private var list: String {
        Catalogue.all.map { detector in
            let card = detector.card
            return "\(card.code)  \(card.severity.rawValue.padded(9)) \(card.title)\n"
        }.joined()
    }
}

extension String {
    /// At least `width` columns, filled with spaces.
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
