import Dispatch
@preconcurrency import Glibc

extension RealtimeServer {
    /// Waits for SIGTERM or SIGINT, which then no longer end the process by themselves: what is left to do is `stop()`.
    public func terminated() async {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler { continuation.yield() }
            source.resume()
            return source
        }
        for await _ in signals { break }
        for source in sources { source.cancel() }
    }
}
