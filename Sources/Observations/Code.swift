/// A place in source code to point a person at.
public struct CodeLocation: Hashable, Sendable, Codable {
    /// Qualified name, as the language writes it: `ChatConsumer.dispatch`.
    public var function: String
    /// Path as the target knows it, or `nil` when the binary is stripped.
    public var file: String?
    /// The line of the function's declaration (`def`, `func`), or `nil`.
    public var line: Int?
    /// The line of the handler (`except`, `catch`) that covers the call, or `nil` when it was not found.
    public var handlerLine: Int?

    /// A place; every part but the name may be unknown.
    public init(function: String, file: String? = nil, line: Int? = nil, handlerLine: Int? = nil) {
        self.function = function
        self.file = file
        self.line = line
        self.handlerLine = handlerLine
    }
}

/// One entry of a stack.
///
/// What it says lies outside of it and is shared by all its copies: a stack of thirty frames, of which a sampler holds
/// thousands, takes thirty words.
public struct Frame: Hashable, Sendable, Codable {
    /// What kind of code a frame is.
    public enum Kind: String, Codable, Hashable, Sendable {
        /// A frame of the CPython interpreter.
        case python
        /// A machine-code frame: Swift, C.
        case native
        /// A step of the runtime's own story: a loop, a route, a consumer class, a message type, a handler.
        case logical
    }

    /// What frames share; never changed, so that any thread may read it.
    private final class Content: Sendable, Codable {
        let kind: Kind
        let function: String
        let file: String?
        let line: Int?
        let definition: Int?
        /// A hash of all that, found once: stacks are looked up at each sample.
        let digest: Int

        init(kind: Kind, function: String, file: String?, line: Int?, definition: Int?) {
            self.kind = kind
            self.function = function
            self.file = file
            self.line = line
            self.definition = definition
            var hasher = Hasher()
            hasher.combine(kind)
            hasher.combine(function)
            hasher.combine(file)
            hasher.combine(line)
            hasher.combine(definition)
            digest = hasher.finalize()
        }

        private enum CodingKeys: CodingKey {
            case kind, function, file, line, definition
        }

        convenience init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                kind: try values.decode(Kind.self, forKey: .kind),
                function: try values.decode(String.self, forKey: .function),
                file: try values.decodeIfPresent(String.self, forKey: .file),
                line: try values.decodeIfPresent(Int.self, forKey: .line),
                definition: try values.decodeIfPresent(Int.self, forKey: .definition))
        }
    }

    private var content: Content

    /// What kind of code it is.
    public var kind: Kind { content.kind }
    /// Qualified function name, or the name of the logical step.
    public var function: String { content.function }
    /// Source path as the target knows it.
    public var file: String? { content.file }
    /// The line being executed.
    public var line: Int? {
        get { content.line }
        set {
            content = Content(
                kind: kind, function: function, file: file, line: newValue, definition: definition)
        }
    }
    /// The line of the function's declaration, where the code says it.
    public var definition: Int? { content.definition }

    /// A frame; file and lines may be unknown.
    public init(kind: Kind, function: String, file: String? = nil, line: Int? = nil, definition: Int? = nil) {
        content = Content(kind: kind, function: function, file: file, line: line, definition: definition)
    }

    /// Reads it as `encode(to:)` writes it.
    public init(from decoder: any Decoder) throws { content = try Content(from: decoder) }

    /// Writes kind, function, file and lines under their names.
    public func encode(to encoder: any Encoder) throws { try content.encode(to: encoder) }

    /// Whether both say the same.
    public static func == (left: Frame, right: Frame) -> Bool {
        left.content === right.content
            || left.content.digest == right.content.digest && left.line == right.line
                && left.function == right.function && left.file == right.file && left.kind == right.kind
                && left.definition == right.definition
    }

    /// Hashes what is compared.
    public func hash(into hasher: inout Hasher) { hasher.combine(content.digest) }

    /// Whether both are of one function. Before CPython 3.11 a sampled frame does not know its class and the frame of a
    /// coroutine does, so files and declarations are compared, where they are known.
    public func isOfSameFunction(as other: Frame) -> Bool {
        guard file == other.file else { return false }
        if let definition, let others = other.definition { return definition == others }
        return function == other.function
    }

    /// The function as a place to blame: the line of its declaration, or else the one being executed.
    public var place: CodeLocation { CodeLocation(function: function, file: file, line: definition ?? line) }
}

/// A stack, outermost frame first, as folded stacks are written.
public struct StackTrace: Hashable, Sendable, Codable {
    /// The frames, outermost first.
    public var frames: [Frame]

    /// A stack of these frames, outermost first.
    public init(_ frames: [Frame]) { self.frames = frames }

    /// The innermost frame.
    public var leaf: Frame? { frames.last }
}
