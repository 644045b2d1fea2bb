import Commands
import Foundation
import Synchronization

/// What `loopscope attach --json` says of a process, as far as tests look at it.
struct AttachedReport: Decodable {
    struct Target: Decodable { let description: String }
    let target: Target

    struct Finding: Decodable {
        struct Location: Decodable {
            let function: String
            let file: String?
            let line: Int?
            let handlerLine: Int?
        }
        struct Source: Decodable {
            let firstLine: Int
            let line: Int?
            let lines: [String]

            /// The decisive line.
            var shown: String? {
                guard let line, lines.indices.contains(line - firstLine) else { return nil }
                return lines[line - firstLine]
            }
        }
        let code: String
        let grade: String
        let confidence: String
        let consumer: String?
        let count: Int
        let location: Location?
        let evidence: [String]
        let source: Source?
    }
    struct Impact: Decodable {
        let writes: Int
        let stops: Int
    }
    struct Loop: Decodable {
        let id: String
    }
    struct Consumer: Decodable {
        let name: String?
        let dispatchesPerSecond: Double?
        let dispatchesSeen: Int?
    }
    struct Bridge: Decodable {
        let loopsPerSecond: Double
        let mostRequestsPerSecond: Double?
    }
    let findings: [Finding]
    let loops: [Loop]?
    let consumers: [Consumer]?
    let bridges: [Bridge]?
    let checked: [String]
    let impact: Impact

    /// Attaches for so many seconds.
    static func attaching(to pid: Int32, seconds: Int) async throws -> (report: AttachedReport, status: ExitReason) {
        let printed = Mutex("")
        let world = World(output: { text in printed.withLock { $0 += text } }, error: { _ in })
        let status = await Loopscope.run(
            ["attach", "--pid", "\(pid)", "--duration", "\(seconds)", "--json"], in: world)
        return (try AttachedReport(json: printed.withLock { $0 }), status)
    }

    /// Reads what was printed.
    init(json: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(AttachedReport.self, from: Data(json.utf8))
    }
}

extension AttachedReport.Finding {
    /// Whether it blames what the route was planted with.
    func blames(_ route: FixtureRoute, on python: PythonEnvironment) -> Bool {
        guard let blame = route.blame, let location else { return false }
        // Before 3.11 a code object does not know its class; coroutines do.
        let isShort =
            python.minorNumber < 11 && blame.function.split(separator: ".").last.map(String.init) == location.function
        return route.codes?.contains(code) == true && (location.function == blame.function || isShort)
            && location.file?.hasSuffix(blame.file) == true && location.line == blame.line
            && (consumer == nil || consumer == route.consumer)
    }
}
