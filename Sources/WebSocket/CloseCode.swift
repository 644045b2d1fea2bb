/// Why a connection was closed (RFC 6455 §7.4).
public struct CloseCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt16

    /// Any number; `mayTravel` says whether a frame may carry it.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// 1000: the purpose of the connection is fulfilled.
    public static let normal = CloseCode(rawValue: 1000)
    /// 1001: the server goes down, or the browser left the page.
    public static let goingAway = CloseCode(rawValue: 1001)
    /// 1002: the peer broke the protocol.
    public static let protocolError = CloseCode(rawValue: 1002)
    /// 1003: a kind of data that is not accepted here.
    public static let unsupportedData = CloseCode(rawValue: 1003)
    /// 1005: the close frame carried no code. Never on the wire.
    public static let noStatus = CloseCode(rawValue: 1005)
    /// 1006: the connection went without a close frame. Never on the wire.
    public static let abnormal = CloseCode(rawValue: 1006)
    /// 1007: data that does not fit its type, such as text that is not UTF-8.
    public static let invalidPayload = CloseCode(rawValue: 1007)
    /// 1008: against a policy; the code for what has no other.
    public static let policyViolation = CloseCode(rawValue: 1008)
    /// 1009: a message larger than is accepted here.
    public static let messageTooBig = CloseCode(rawValue: 1009)
    /// 1011: the server met an error.
    public static let internalError = CloseCode(rawValue: 1011)
    /// 1012: the server restarts (IANA registry of WebSocket close codes).
    public static let serviceRestart = CloseCode(rawValue: 1012)

    /// Whether a close frame may carry it: 1000–1003, 1007–1014 and the private ranges 3000–4999.
    public var mayTravel: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
