/// The few instructions the walkers must know, as numbers of one minor (`Include/opcode.h`, `opcode_ids.h` from 3.13).
struct Opcodes: Hashable, Sendable {
    /// Where a suspended frame goes on, in every form it may be specialised to.
    var resume: Set<UInt8>
    /// Waits for another coroutine: `SEND` or `YIELD_FROM`, in every form.
    var await: Set<UInt8>
    var extendedArgument: UInt8
    var loadGlobal: Set<UInt8>
    var popTop: UInt8
    var reraise: UInt8
    /// First instruction of a handler (3.11+).
    var pushException: UInt8?
    /// Compares an exception with the class of a clause.
    var matchException: UInt8
    /// First instruction of the handler a `with` makes.
    var withException: UInt8
    /// Begins a protected block (3.9, 3.10): `SETUP_FINALLY`, whose handler may be an `except`.
    var setupFinally: UInt8?
    /// Duplicates the exception before it is compared (3.9, 3.10).
    var duplicateTop: UInt8?
    /// Where a frame may stand that has called another.
    var callSites: CallSites

    static let python39 = Opcodes(
        resume: [], await: [72], extendedArgument: 144, loadGlobal: [116], popTop: 1, reraise: 48, pushException: nil,
        matchException: 121, withException: 49, setupFinally: 122, duplicateTop: 4, callSites: .python39)
    static let python310 = Opcodes(
        resume: [], await: [72], extendedArgument: 144, loadGlobal: [116], popTop: 1, reraise: 119, pushException: nil,
        matchException: 121, withException: 49, setupFinally: 122, duplicateTop: 4, callSites: .python310)
    static let python311 = Opcodes(
        resume: [151, 150], await: [123], extendedArgument: 144, loadGlobal: [116, 47, 48, 55], popTop: 1, reraise: 119,
        pushException: 35, matchException: 36, withException: 49, setupFinally: nil, duplicateTop: nil,
        callSites: .python311)
    static let python312 = Opcodes(
        resume: [151, 240], await: [123, 168], extendedArgument: 144, loadGlobal: [116, 111, 112], popTop: 1,
        reraise: 119, pushException: 35, matchException: 36, withException: 49, setupFinally: nil, duplicateTop: nil,
        callSites: .python312)
    static let python313 = Opcodes(
        resume: [149, 207, 236], await: [104, 208], extendedArgument: 71, loadGlobal: [91, 203, 204], popTop: 32,
        reraise: 102, pushException: 33, matchException: 7, withException: 44, setupFinally: nil, duplicateTop: nil,
        callSites: .python313)
    static let python314 = Opcodes(
        resume: [128, 196, 245], await: [106, 197], extendedArgument: 69, loadGlobal: [92, 192, 193], popTop: 31,
        reraise: 105, pushException: 32, matchException: 6, withException: 43, setupFinally: nil, duplicateTop: nil,
        callSites: .python314)
    static let python315 = Opcodes(
        resume: [128, 200, 201, 244], await: [105, 202, 203, 204], extendedArgument: 67, loadGlobal: [91, 196, 197],
        popTop: 29, reraise: 104, pushException: 30, matchException: 6, withException: 41, setupFinally: nil,
        duplicateTop: nil, callSites: .python315)
}
