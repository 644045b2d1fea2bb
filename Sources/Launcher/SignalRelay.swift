import Dispatch
import Glibc

/// Passes the signals on that servers know (reload, reopen logs, more and fewer workers), as long as it lives.
///
/// The one that asks to end is not among them: it ends the session first, and the session ends the server.
public final class SignalRelay {
    private static let numbers = [SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU]
    private let sources: [any DispatchSourceSignal]

    /// Begins to pass them on.
    public init(to server: LaunchedServer) {
        sources = Self.numbers.map { number in
            Glibc.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { server.signal(number) }
            source.resume()
            return source
        }
    }

    /// Ends it; the signals mean to us what they meant before.
    public func stop() {
        for source in sources { source.cancel() }
        for number in Self.numbers { Glibc.signal(number, SIG_DFL) }
    }
}
