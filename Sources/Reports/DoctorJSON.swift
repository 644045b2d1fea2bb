import Observations
public import Policy

/// What `doctor` found out, as JSON: docs/formats/doctor.schema.json.
public enum DoctorJSON {
    /// The version of the form.
    public static let schema = "loopscope/doctor/1"

    /// The whole document; `server` is `null` when only the machine was asked.
    public static func value(
        server: PolicyRow?, family: ServerFamily, machine: [MachineRow], references: [PolicyRow], tool: String
    ) -> JSONValue {
        [
            "schema": .string(schema), "tool": .string(tool),
            "server": server.map { row($0, family) } ?? .null,
            "machine": .array(machine.map(Self.machine)),
            "references": .array(server == nil ? [] : references.map { row($0, nil) }),
        ]
    }

    private static func row(_ row: PolicyRow, _ family: ServerFamily?) -> JSONValue {
        let questions = PolicyQuestion.allCases.filter { row.answers[$0] != nil }
        return [
            "name": .string(row.name), "software": JSONValue(row.software),
            "answers": .array(questions.map { answer($0, row.answers[$0] ?? .unknown(""), family) }),
        ]
    }

    private static func answer(_ question: PolicyQuestion, _ answer: PolicyAnswer, _ family: ServerFamily?) -> JSONValue
    {
        let advice = family.map { PolicyAdvice.on(question, answer, of: $0) }
        return JSONValue.object([
            ("question", .string(question.rawValue)), ("answer", .string(answer.kind)), ("text", .string(answer.words)),
        ]).adding(answer.fields).adding(
            advice.map { [("mark", .string($0.mark.rawValue)), ("advice", .string($0.text))] } ?? [])
    }

    private static func machine(_ row: MachineRow) -> JSONValue {
        [
            "setting": .string(row.setting), "value": JSONValue(row.value), "mark": .string(row.mark.rawValue),
            "meaning": .string(row.meaning), "remedy": JSONValue(row.remedy),
        ]
    }
}

extension PolicyAnswer {
    fileprivate var kind: String {
        switch self {
        case .every: "every"
        case .after: "after"
        case .notWithin: "not-within"
        case .limit: "limit"
        case .takes: "takes"
        case .costs: "costs"
        case .agreed: "agreed"
        case .declined: "declined"
        case .exited: "exited"
        case .killed: "killed"
        case .unknown: "unknown"
        }
    }

    fileprivate var fields: [(String, JSONValue)] {
        switch self {
        case .every(let time), .notWithin(let time): [("seconds", .init(time.seconds))]
        case .after(let time, let how): [("seconds", .init(time.seconds))] + how.fields
        case .limit(let taken, let refused, let how):
            [("taken_bytes", .int(taken)), ("refused_bytes", .int(refused))] + how.fields
        case .takes(let count): [("taken_bytes", .int(count))]
        case .costs(let bytes, let connections): [("bytes", .int(bytes)), ("connections", .int(connections))]
        case .agreed(let value): [("extension", .string(value))]
        case .exited(let time, let codes), .killed(let time, let codes):
            [("seconds", .init(time.seconds)), ("close_codes", .array(codes.map(JSONValue.int)))]
        case .declined: []
        case .unknown(let why): [("why", .string(why))]
        }
    }
}

extension PolicyEnd {
    fileprivate var fields: [(String, JSONValue)] {
        switch self {
        case .close(let code): [("end", "close"), ("code", .int(code))]
        case .status(let status): [("end", "status"), ("code", .int(status))]
        case .finished: [("end", "closed")]
        case .reset: [("end", "reset")]
        }
    }
}
