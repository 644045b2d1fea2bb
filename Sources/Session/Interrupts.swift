import Dispatch
import Glibc

/// Turns Ctrl-C and SIGTERM into the cancellation of a task, so that a session ends with its report.
public enum Interrupts {
    /// Runs `body`; the first SIGINT cancels it, a second one ends the process at once.
    public static func cancel<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task(operation: body)
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler {
                if task.isCancelled { exit(130) }
                task.cancel()
            }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await task.value
    }
}
