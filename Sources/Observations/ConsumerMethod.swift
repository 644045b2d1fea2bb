/// A method of a consumer class that is not its framework's own, and which of the names that matter to a detector its code
/// uses: `group_add`, `create_task`, `open`. Names of code, read once; nothing of what it works on.
public struct ConsumerMethod: Hashable, Sendable, Codable {
    /// When it was read.
    public var time: Moment
    /// The process.
    public var pid: Int32
    /// The class that has it: the consumer's, even where a base or a mixin defines it.
    public var consumer: String
    /// Its name: `connect`.
    public var name: String
    /// Where it is defined.
    public var location: CodeLocation
    /// Names that its code uses; where it joins a group, the group names it mentions too, in single quotes.
    public var uses: [String]

    /// A method.
    public init(
        time: Moment, pid: Int32, consumer: String, name: String, location: CodeLocation, uses: [String] = []
    ) {
        self.time = time
        self.pid = pid
        self.consumer = consumer
        self.name = name
        self.location = location
        self.uses = uses
    }
}
