import Yams

/// A YAML document as nodes, within bounds.
enum Document {
    /// Deepest nesting.
    static let depthLimit = 64

    /// The document as nodes.
    static func compose(_ text: String) throws(ScenarioError) -> Node {
        guard text.utf8.count <= Scenario.sizeLimit else {
            throw ScenarioError("the document is larger than 1 MiB", line: 1, column: 1)
        }
        if let place = nesting(of: text) {
            throw ScenarioError("the document is nested more than \(depthLimit) deep", line: place, column: 1)
        }
        do {
            guard let node = try Yams.compose(yaml: text) else {
                throw ScenarioError(
                    "the document is empty", line: 1, column: 1)
            }
            return node
        } catch let error as ScenarioError {
            throw error
        } catch let error as YamlError {
            throw ScenarioError(error)
        } catch {
            throw ScenarioError("this is no YAML: \(error)", line: 1, column: 1)
        }
    }

    /// The line in which brackets or indentation nest deeper than `depthLimit`: a composer that calls itself for each
    /// level would run out of stack. Brackets within quotes count too, which is strict and does no harm.
    private static func nesting(of text: String) -> Int? {
        var (depth, line, dashes, atStart, indent) = (0, 1, 0, true, 0)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"): (line, dashes, atStart, indent) = (line + 1, 0, true, 0)
            case UInt8(ascii: "["), UInt8(ascii: "{"): (depth, atStart) = (depth + 1, false)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): (depth, atStart) = (max(0, depth - 1), false)
            case UInt8(ascii: " ") where atStart: indent += 1
            case UInt8(ascii: "-") where atStart, UInt8(ascii: "?") where atStart:
                (dashes, indent) = (dashes + 1, indent + 1)
            default: atStart = false
            }
            if depth > depthLimit || dashes > depthLimit || (atStart && indent > 8 * depthLimit) { return line }
        }
        return nil
    }
}

extension ScenarioError {
    /// What the YAML parser complains of, in its place.
    init(_ error: YamlError) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            self.init("this is no YAML: \(problem)", line: mark.line, column: mark.column)
        case .duplicatedKeysInMapping(let duplicates, let context):
            self.init(
                "`\(duplicates.first ?? "")` stands twice in one mapping", line: context.mark.line,
                column: context.mark.column)
        default: self.init("this is no YAML: \(error)", line: 1, column: 1)
        }
    }
}
