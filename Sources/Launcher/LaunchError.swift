/// Why a server could not be launched, or did not become ready.
public enum LaunchError: Error, Sendable {
    /// The command could not be started.
    case cannotStart(command: String, why: String)
    /// It ended before it listened.
    case ended(command: String, how: String, log: [String])
    /// It ended by itself when it had listened.
    case died(how: String, log: [String])
    /// It runs and does not listen.
    case notReady(command: String, seconds: Double, log: [String])
}
