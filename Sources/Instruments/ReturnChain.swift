import Runtime

/// The functions that wait for the one that throws a `StopConsumer`, innermost first, as addresses.
///
/// Taking one costs some microseconds and happens once per class; giving it names costs far more and happens only when
/// a stop was swallowed, on the probe's thread.
public struct ReturnChain: Sendable {
    /// An entry of the chain.
    public struct Entry: Hashable, Sendable {
        /// Where the code goes on.
        public var address: UInt64
        /// Whether it goes on after a call, or where a suspended function resumes.
        public var isReturnAddress: Bool
    }

    /// The entries, innermost first.
    public let entries: [Entry]

    /// The chain of the calling function; `nil` where the platform cannot walk it.
    static func capture() -> ReturnChain? {
        guard let backtrace = try? Backtrace.capture(algorithm: .auto, limit: 64) else { return nil }
        return ReturnChain(
            entries: backtrace.frames.compactMap { frame in
                switch frame {
                case .programCounter(let address): Entry(address: UInt64(address) ?? 0, isReturnAddress: false)
                case .returnAddress(let address): Entry(address: UInt64(address) ?? 0, isReturnAddress: true)
                case .asyncResumePoint(let address): Entry(address: UInt64(address) ?? 0, isReturnAddress: false)
                default: nil
                }
            })
    }
}
