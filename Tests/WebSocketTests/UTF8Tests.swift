import Testing

@testable import WebSocket

@Suite("UTF-8 in pieces") struct UTF8Tests {
    private func accepts(_ pieces: [[UInt8]]) -> Bool {
        var checker = UTF8Checker()
        for piece in pieces { guard piece.withUnsafeBytes({ checker.check($0) }) else { return false } }
        return checker.isComplete
    }

    @Test("it agrees with the standard library on every lead and second byte, with two and three more")
    func agreement() {
        for lead in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                for tail in [[], [0x80], [0xBF, 0x80], [0x41]] as [[UInt8]] {
                    let bytes = [lead, second] + tail
                    #expect(accepts([bytes]) == (String(validating: bytes, as: UTF8.self) != nil))
                    #expect(accepts(bytes.map { [$0] }) == accepts([bytes]))
                }
            }
        }
    }

    @Test("a long ASCII text with one character after it may be cut anywhere", arguments: 0...20)
    func cut(length: Int) {
        let bytes = Array((String(repeating: "a", count: length) + "𝄞").utf8)
        for place in 0...bytes.count { #expect(accepts([Array(bytes[..<place]), Array(bytes[place...])])) }
        #expect(!accepts([Array(bytes.dropLast())]))
    }
}

@Suite("Masking") struct MaskingTests {
    @Test("it agrees with the RFC's one byte at a time, from any offset", arguments: 0...7)
    func agreement(offset: Int) {
        let key: UInt32 = 0x4433_2211
        for length in 0...33 {
            let source = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
            let expected = source.enumerated().map { place, byte in
                byte ^ UInt8(truncatingIfNeeded: key >> (8 * UInt32((place + offset) % 4)))
            }
            let masked = [UInt8](unsafeUninitializedCapacity: length) { target, count in
                source.withUnsafeBytes {
                    Masking.copy($0, to: UnsafeMutableRawBufferPointer(target), key: key, offset: offset)
                }
                count = length
            }
            #expect(masked == expected)
        }
    }
}
