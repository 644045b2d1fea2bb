public import TargetMemory

/// The instructions at which a frame may stand while a frame it called runs, as numbers of one minor.
///
/// From 3.11 on the evaluation loop runs a called function itself, and only few instructions do that (those of
/// Python/ceval.c, bytecodes.c from 3.12 on, that push a frame). They are listed by family, in every form they may be
/// specialised to or instrumented with: while a callee runs, its call may be specialised anew. Before 3.11 all calls
/// lead through C, from almost any instruction.
enum CallSites: Hashable, Sendable {
    /// Any but these, which run nothing else (3.9, 3.10).
    case anyBut(Set<UInt8>)
    /// A frame stands at the last inline cache of one of these; `caches` says how many each instruction has (3.11, 3.12).
    /// One that is `monitored` stands in for any: what comes after it cannot be told.
    case atCacheOf(Set<UInt8>, caches: [UInt8: Int], monitored: Set<UInt8>)
    /// A frame stands at one of these (3.13+).
    case at(Set<UInt8>)

    /// LOAD_CONST, LOAD_FAST, LOAD_CLOSURE, RETURN_VALUE, ROT_TWO, ROT_THREE, DUP_TOP.
    static let python39 = CallSites.anyBut([100, 124, 135, 83, 2, 3, 4])
    static let python310 = CallSites.anyBut([100, 124, 135, 83, 2, 3, 4])
    /// Called by CALL and BINARY_SUBSCR.
    static let python311 = atCacheOf(
        calls: [.init(4, 171, 22...24), .init(4, 25, 17...21)],
        // STORE_SUBSCR, UNPACK_SEQUENCE, STORE_ATTR, LOAD_ATTR, COMPARE_OP, LOAD_GLOBAL, BINARY_OP, LOAD_METHOD, PRECALL.
        others: [
            .init(1, 60, 168...170), .init(1, 92, 177...180), .init(4, 95, 153...154, 158...159),
            .init(4, 106, 39...43), .init(2, 107, 26...29), .init(5, 116, 47...48, 55...55),
            .init(1, 122, 3...8, 13...14, 16...16), .init(10, 160, 56...59, 62...63),
            .init(1, 166, 64...67, 72...73, 76...81, 113...113, 121...121, 127...127, 141...141, 143...143),
        ])
    /// Called by CALL, CALL_FUNCTION_EX, BINARY_SUBSCR, LOAD_ATTR, FOR_ITER and SEND.
    static let python312 = atCacheOf(
        calls: [
            .init(3, 171, 23...24, 28...29, 34...34, 38...48, 56...56, 241...241), .init(0, 142, 244...244),
            .init(1, 25, 19...22), .init(9, 106, 70...70, 72...73, 76...82), .init(1, 93, 62...65, 248...248),
            .init(1, 123, 168...168),
        ],
        // STORE_SUBSCR, UNPACK_SEQUENCE, STORE_ATTR, COMPARE_OP, LOAD_GLOBAL, BINARY_OP, LOAD_SUPER_ATTR;
        // INSTRUMENTED_INSTRUCTION, INSTRUMENTED_LINE.
        others: [
            .init(1, 60, 159...160), .init(1, 92, 161...161, 166...167), .init(4, 95, 113...113, 148...148, 153...153),
            .init(1, 107, 57...59), .init(4, 116, 111...112), .init(1, 122, 6...8, 10...10, 13...14, 16...16, 18...18),
            .init(1, 141, 66...67, 237...237),
        ], monitored: [253, 254])
    /// CALL, CALL_KW, CALL_FUNCTION_EX, BINARY_SUBSCR, LOAD_ATTR, FOR_ITER, SEND; and what stands in for any
    /// instruction that is monitored: INSTRUMENTED_INSTRUCTION, INSTRUMENTED_LINE.
    static let python313 = at([
        .init(0, 53, 162...181, 244...244), .init(0, 57, 245...245), .init(0, 54, 246...246), .init(0, 5, 157...161),
        .init(0, 82, 191...202), .init(0, 72, 187...190, 243...243), .init(0, 104, 208...208), .init(0, 247, 254...254),
    ])
    /// CALL, CALL_KW, CALL_FUNCTION_EX, BINARY_OP, LOAD_ATTR, FOR_ITER, SEND; INSTRUMENTED_INSTRUCTION,
    /// INSTRUMENTED_LINE.
    static let python314 = at([
        .init(0, 52, 143...150, 154...165, 250...250), .init(0, 55, 151...153, 251...251), .init(0, 4, 252...252),
        .init(0, 44, 3...3, 129...142), .init(0, 80, 177...189), .init(0, 70, 171...174, 237...237),
        .init(0, 106, 197...197), .init(0, 238, 254...254),
    ])
    /// As before; SEND has forms for asynchronous generators and others too.
    static let python315 = at([
        .init(0, 50, 144...150, 153...153, 157...168, 249...249), .init(0, 53, 154...156, 250...250),
        .init(0, 4, 151...152, 251...251), .init(0, 42, 3...3, 129...143), .init(0, 79, 183...195),
        .init(0, 68, 174...178, 236...236), .init(0, 105, 202...204), .init(0, 237, 253...253),
    ])

    /// An instruction in all its forms.
    private struct Family {
        /// Inline caches, in units.
        var caches: Int
        var opcodes: [UInt8]

        init(_ caches: Int, _ base: UInt8, _ forms: ClosedRange<UInt8>...) {
            self.caches = caches
            opcodes = [base] + forms.flatMap { Array($0) }
        }
    }

    private static func at(_ families: [Family]) -> CallSites { .at(Set(families.flatMap(\.opcodes))) }

    private static func atCacheOf(calls: [Family], others: [Family], monitored: Set<UInt8> = []) -> CallSites {
        let counts = (calls + others).flatMap { family in family.opcodes.map { ($0, family.caches) } }
        return .atCacheOf(
            Set(calls.flatMap(\.opcodes)), caches: Dictionary(counts) { first, _ in first }, monitored: monitored)
    }
}

extension ObjectReader {
    /// Whether a frame at `unit` of `code` may have called the next inner one without C code between them. From 3.11 on;
    /// before, whether it may have called anything.
    public func isCallSite(_ unit: Int, of code: CodeObject) throws(RemoteReadError) -> Bool {
        guard unit >= 0, unit < code.bytecode.units else { return false }
        switch layout.opcodes.callSites {
        case .anyBut(let others): return !others.contains(try byte(code.bytecode.start, 2 * unit))
        case .at(let calls): return calls.contains(try byte(code.bytecode.start, 2 * unit))
        case .atCacheOf(let calls, let caches, let monitored):
            // Caches hold any bytes: only from the start on can an instruction be told from one.
            let units = try memory.bytes(
                at: code.bytecode.start, count: 2 * (unit + 1), limit: 2 * Self.tableLimit)
            var place = 0
            while place <= unit {
                let opcode = units[2 * place]
                if monitored.contains(opcode) { return true }
                let last = place + (caches[opcode] ?? 0)
                if last >= unit { return last == unit && calls.contains(opcode) }
                place = last + 1
            }
            return false
        }
    }
}
