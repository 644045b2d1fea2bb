import Analysis
import Observations
public import Policy

/// What `doctor` found out about a server and a machine, for a terminal.
public struct DoctorText {
    private let style: TextStyle

    /// A text in the given style.
    public init(style: TextStyle = TextStyle(colours: false)) { self.style = style }

    /// A server's row with one line of advice each, then the same row beside those of known servers.
    ///
    /// - Parameters:
    ///   - family: whose settings the advice names.
    ///   - asked: the questions that were asked, in the order of the table.
    public func server(
        _ row: PolicyRow, family: ServerFamily, asked: [PolicyQuestion], beside references: [PolicyRow]
    ) -> String {
        var lines = [
            style.bold("Server \(row.name.plain(limit: 120))")
                + (row.software.map { "  says \($0.plain(limit: 60))" } ?? "")
        ]
        let width = asked.map(\.words.count).max() ?? 0
        for question in asked {
            guard let answer = row.answers[question] else { continue }
            let advice = PolicyAdvice.on(question, answer, of: family)
            let words = question.words + String(repeating: " ", count: width - question.words.count)
            lines.append("\(sign(advice.mark)) \(words)  \(style.bold(answer.words.plain(limit: 80)))")
            lines.append("    " + style.dim(advice.text.plain(limit: 300)))
        }
        lines += ["", style.bold("Beside others") + style.dim("  (measured by loopscope; `-` was not, or cannot be)")]
        // Servers side by side: there are fewer of them than questions.
        var table = TextTable(
            columns: [("", .left)] + (["this server"] + references.map(\.name)).map { ($0, .right) })
        for question in asked {
            table.rows.append(
                [question.title] + ([row] + references).map { $0.answers[question]?.cell ?? "-" })
        }
        return (lines + table.lines(style)).joined(separator: "\n") + "\n"
    }

    /// The machine's rows.
    public func machine(_ rows: [MachineRow]) -> String {
        let width = rows.map(\.setting.count).max() ?? 0
        let lines = rows.flatMap { row -> [String] in
            let name = row.setting + String(repeating: " ", count: width - row.setting.count)
            return ["\(sign(row.mark)) \(name)  \(style.bold(row.value ?? "-"))  \(style.dim(row.meaning))"]
                + (row.remedy.map { ["    do: \($0)"] } ?? [])
        }
        return ([style.bold("Machine")] + lines).joined(separator: "\n") + "\n"
    }

    private func sign(_ mark: PolicyAdvice.Mark) -> String {
        switch mark {
        case .good: style.green("✓")
        case .remark: style.yellow("!")
        case .bad: style.red("✗")
        case .unknown: style.dim("?")
        }
    }
}

extension PolicyAnswer {
    /// For a table: `20 s`, `40 s 1011`, `> 55 s`.
    var cell: String {
        switch self {
        case .every(let time): Self.brief(time)
        case .after(let time, let how): "\(Self.brief(time)) \(how.cell)"
        case .notWithin(let time), .killed(let time, _): "> \(Self.brief(time))"
        case .limit(let taken, let refused, _):
            refused == taken + 1 ? binary(taken) : "\(binary(taken).prefix { $0 != " " })–\(binary(refused))"
        case .takes(let count): "> \(binary(count))"
        case .costs(let bytes, _): "\((Double(bytes) / 1000).fixed(0)) kB"
        case .agreed: "yes"
        case .declined: "no"
        case .exited(let time, let codes): "\(Self.brief(time)) \(Self.list(codes))"
        case .unknown: "-"
        }
    }

    /// Tenths of a second below ten, whole ones above.
    private static func brief(_ time: Nanoseconds) -> String {
        let tenths = (time.seconds * 10).rounded() / 10
        return tenths >= 10 || tenths == tenths.rounded() ? "\(time.seconds.fixed(0)) s" : "\(tenths.fixed(1)) s"
    }

    /// For a sentence.
    var words: String {
        switch self {
        case .every(let time): "every \(time.short)"
        case .after(let time, let how): "after \(time.short), \(how.words)"
        case .notWithin(let time): "not within \(time.short)"
        case .limit(let taken, let refused, let how):
            refused == taken + 1
                ? "\(binary(taken)), then \(how.words)"
                : "between \(binary(taken)) and \(binary(refused)), then \(how.words)"
        case .takes(let count): "more than \(binary(count))"
        case .costs(let bytes, let connections):
            "\((Double(bytes) / 1000).fixed(1)) kB each, of \(connections.counted("connection"))"
        case .agreed(let value): "agreed on: \(value)"
        case .declined: "offered, and not taken"
        case .exited(let time, let codes): "after \(time.short), clients got \(Self.list(codes))"
        case .killed(let time, let codes): "not within \(time.short): killed; clients got \(Self.list(codes))"
        case .unknown: "not found out"
        }
    }

    private static func list(_ codes: [Int]) -> String { Set(codes).sorted().map(String.init).joined(separator: "/") }
}

extension PolicyEnd {
    fileprivate var cell: String {
        switch self {
        case .close(let code): "\(code)"
        case .status(let status): "\(status)"
        case .finished: "FIN"
        case .reset: "RST"
        }
    }

    fileprivate var words: String {
        switch self {
        case .close(let code): "close \(code)"
        case .status(let status): "HTTP \(status)"
        case .finished: "the socket closed"
        case .reset: "the socket reset"
        }
    }
}

/// `16 MiB`, `64 KiB`: limits are powers of two.
private func binary(_ bytes: Int) -> String {
    switch bytes {
    case (1 << 20)...: bytes % (1 << 20) < 2 ? "\(bytes >> 20) MiB" : (Double(bytes) / 1_048_576).fixed(1) + " MiB"
    case 1024...: bytes % 1024 < 2 ? "\(bytes >> 10) KiB" : (Double(bytes) / 1024).fixed(1) + " KiB"
    default: "\(bytes) B"
    }
}
