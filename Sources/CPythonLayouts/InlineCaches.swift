import TargetMemory

/// How many units of inline cache follow each instruction (3.11+). Caches hold any bytes: whoever looks for an
/// instruction must step over them, or take one for it.
///
/// Source: Lib/opcode.py `_inline_cache_entries`, for every form an instruction is specialised to or instrumented with.
enum InlineCaches {
    static let python313 = table([
        1: [
            3...3, 5...5, 39...39, 45...45, 58...59, 72...72, 77...77, 93...93, 97...100, 104...104, 117...117,
            150...161, 182...190, 205...206, 208...208, 212...213, 220...222, 242...243, 249...253,
        ],
        3: [40...40, 53...53, 162...181, 214...219, 244...244], 4: [91...91, 108...108, 203...204, 209...211],
        9: [82...82, 191...202],
    ])
    static let python314 = table([
        1: [
            38...38, 56...57, 70...70, 75...75, 96...96, 100...103, 106...106, 119...119, 166...176, 194...195,
            197...197, 201...202, 209...211, 237...237, 241...244, 249...249, 253...253,
        ],
        3: [39...39, 52...52, 55...55, 143...165, 203...208, 250...251],
        4: [92...92, 110...110, 192...193, 198...200], 5: [3...3, 44...44, 129...142], 9: [80...80, 177...189],
    ])
    static let python315 = table([
        1: [
            4...4, 36...36, 54...55, 68...68, 70...70, 74...74, 95...95, 99...102, 105...105, 118...118, 128...128,
            151...152, 169...182, 198...204, 208...209, 216...218, 236...236, 240...244, 248...248, 251...252,
        ],
        3: [37...37, 50...50, 53...53, 144...150, 153...168, 210...215, 249...250],
        4: [91...91, 109...109, 196...197, 205...207], 5: [3...3, 42...42, 129...143], 9: [79...79, 183...195],
    ])

    private static func table(_ counts: [Int: [ClosedRange<UInt8>]]) -> [UInt8: Int] {
        var table: [UInt8: Int] = [:]
        for (count, ranges) in counts {
            for opcode in ranges.joined() { table[opcode] = count }
        }
        return table
    }
}

extension ObjectReader {
    /// The places of the instructions in a bytecode, in units: its caches are left out.
    func instructions(in units: [UInt8]) -> [Int] {
        let caches =
            switch layout.opcodes.callSites {
            case .anyBut: [UInt8: Int]()
            case .atCacheOf(_, let caches, _): caches
            case .at:
                switch layout.minor {
                case 13: InlineCaches.python313
                case 14: InlineCaches.python314
                default: InlineCaches.python315
                }
            }
        var places: [Int] = []
        var place = 0
        while 2 * place + 1 < units.count {
            places.append(place)
            place += 1 + (caches[units[2 * place]] ?? 0)
        }
        return places
    }
}
