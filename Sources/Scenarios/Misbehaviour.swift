public import Observations

/// What no good client does, and every server must survive.
public enum Misbehaviour: Hashable, Sendable {
    /// Breaks the connection with a reset (RST), without a close frame.
    case abort
    /// Sends FIN and goes on reading.
    case halfClose
    /// Stays connected and never reads or answers again: what a phone does that left the network.
    case vanish(Nanoseconds)
    /// Reads so many bytes a second.
    case slowRead(bytesPerSecond: Int, for: Nanoseconds)
    /// Sends the request of the handshake so many bytes a second.
    case slowHandshake(bytesPerSecond: Int)
    /// Opens the TCP connection and says nothing.
    case silence(Nanoseconds)
    /// Asks for the WebSocket and goes before the answer.
    case closeBeforeAccept
    /// Sends a message and resets the connection at once, while it is being handled.
    case leaveMidHandler(Step.Payload)
    /// Announces and sends one message of so many bytes.
    case oversize(Int)
    /// Sends text that is not UTF-8.
    case badUTF8
    /// Sends a frame without a mask.
    case badMask
    /// Sends a frame with an opcode that does not exist.
    case badOpcode
    /// Sends fragments of a message that never ends.
    case endlessFragments(bytesPerSecond: Int, for: Nanoseconds)
    /// Sends so many pings a second.
    case pingFlood(perSecond: Double, for: Nanoseconds)
    /// Sends two close frames.
    case doubleClose
    /// Asks for the upgrade a second time on an open WebSocket.
    case duplicateUpgrade
}
