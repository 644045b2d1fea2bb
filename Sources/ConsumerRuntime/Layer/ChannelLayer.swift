/// Carries messages between consumers: to a channel, or to every channel of a group (channels/layers.py).
public protocol ChannelLayer: Sendable {
    /// Makes a channel whose messages a mailbox takes.
    func openChannel(for mailbox: Mailbox) -> LayerChannel
    /// Sends to one channel.
    ///
    /// - Throws: `ChannelFull` when it holds as many messages as it may: the new one is refused, no old one dropped.
    func send(_ channel: String, _ message: LayerMessage) async throws
    /// Adds a channel to a group.
    func groupAdd(_ group: String, _ channel: String) async throws
    /// Takes a channel out of a group; nothing when it is not in it.
    func groupDiscard(_ group: String, _ channel: String) async throws
    /// Sends to each channel of a group; a channel that is full does not get it, and nobody is told.
    func groupSend(_ group: String, _ message: LayerMessage) async throws
}

/// A channel holds as many messages as it may (channels/exceptions.py `ChannelFull`).
public struct ChannelFull: Error, Hashable, Sendable {
    /// The channel.
    public var channel: String
}

/// A name that is no name of a channel or group (channels/layers.py `valid_channel_name`).
public struct InvalidName: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public var name: String
    /// In words.
    public var description: String {
        "\(name.debugDescription): names have fewer than 100 ASCII letters, digits, hyphens, underscores and periods"
    }

    /// Checks a group's name.
    static func check(group: String) throws {
        guard isName(group.utf8), group.utf8.count < 100 else { throw InvalidName(name: group) }
    }

    /// Checks a channel's name: a plain name, `specific.abc!def`, or the process's own part of such, `specific.abc!`.
    static func check(channel: String) throws {
        let parts = channel.utf8.split(separator: UInt8(ascii: "!"), maxSplits: 1, omittingEmptySubsequences: false)
        guard channel.utf8.count < 100, let first = parts.first, isName(first),
            parts.dropFirst().allSatisfy({ $0.isEmpty || isName($0) })
        else { throw InvalidName(name: channel) }
    }

    private static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}

/// One consumer's end of a channel.
public struct LayerChannel: Sendable {
    /// The channel's name: `specific.inmemory!…`.
    public let name: String
    private let takeOne: @Sendable () -> LayerMessage?
    private let closeIt: @Sendable () -> Void

    /// An end of the channel `name`.
    public init(
        name: String, take: @escaping @Sendable () -> LayerMessage?, close: @escaping @Sendable () -> Void
    ) {
        self.name = name
        takeOne = take
        closeIt = close
    }

    func take() -> LayerMessage? { takeOne() }
    func close() { closeIt() }
}
