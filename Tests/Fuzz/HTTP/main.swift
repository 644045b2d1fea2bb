import FuzzDriver
import HTTPFuzzing

/// Any bytes: no trap, and a ledger that balances.
func fuzzHTTP(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let problem = sendAnything(Array(UnsafeBufferPointer(start: data, count: count)))
    precondition(problem == nil, problem ?? "")
    return 0
}

// The first byte says whether a handshake goes before, and how the others are cut: here, whole.
fuzz(fuzzHTTP, seeds: conversations.map { [0xFE] + $0 } + [[0xFF] + maskedFrames])
