import FuzzDriver
import HTTPFuzzing

/// Any bytes: no trap, and a ledger that balances.
func fuzzHTTP(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let problem = sendAnything(Array(UnsafeBufferPointer(start: data, count: count)))
    precondition(problem == nil, problem ?? "")
    return 0
}

fuzz(fuzzHTTP)
