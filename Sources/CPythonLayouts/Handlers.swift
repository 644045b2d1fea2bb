public import TargetMemory

/// A part of a function that a handler covers: an `except`, or the one that a `finally` or a `with` makes.
public struct ExceptionHandler: Hashable, Sendable {
    /// The code units it covers.
    public var covers: Range<Int>
    /// The first unit of the handler.
    public var target: Int
    /// Its clauses, in the order they are tried; none for a `finally` or a `with`.
    public var clauses: [Clause]

    /// One `except`.
    public struct Clause: Hashable, Sendable {
        /// Its line.
        public var line: Int
        /// Global names it compares with; none for a bare `except`.
        public var names: [String]
    }

    fileprivate func line(catching names: Set<String>) -> Int? {
        clauses.first { $0.names.isEmpty || !names.isDisjoint(with: $0.names) }?.line
    }
}

extension [ExceptionHandler] {
    /// The line of the `except` clause that catches one of `names`, or anything, when it is raised at a unit: the
    /// innermost, where they nest.
    public func line(catching names: Set<String>, raisedAt unit: Int) -> Int? {
        // The exception table lists the innermost handler only; the next outer one covers that handler's own code.
        var unit = unit
        var tried: Set<Int> = []
        while true {
            let covering = filter { $0.covers.contains(unit) }
            if let line = covering.lazy.compactMap({ $0.line(catching: names) }).first { return line }
            guard let outer = covering.first, tried.insert(outer.target).inserted else { return nil }
            unit = outer.target
        }
    }
}

extension ObjectReader {
    /// Most handlers of one function.
    static let handlerLimit = 256

    /// The handlers of a code object, from its exception table (3.11+) or its block set-ups before; innermost first
    /// where they nest.
    public func handlers(of code: CodeObject) throws(RemoteReadError) -> [ExceptionHandler] {
        let units = try bytecode(of: code)
        let regions =
            layout.opcodes.pushException == nil ? blockRegions(units) : try tableRegions(code)
        let names = try names(of: code)
        let places = instructions(in: units)
        var handlers: [ExceptionHandler] = []
        for (covers, target) in regions.prefix(Self.handlerLimit) {
            handlers.append(
                .init(covers: covers, target: target, clauses: clauses(at: target, units, places, code, names)))
        }
        // The narrowest first: of nested handlers the inner one is tried first.
        return handlers.sorted { $0.covers.count < $1.covers.count }
    }

    /// The units at which a code object waits for another coroutine.
    public func awaits(of code: CodeObject) throws(RemoteReadError) -> [Int] {
        let units = try bytecode(of: code)
        return instructions(in: units).filter { layout.opcodes.await.contains(units[2 * $0]) }
    }

    private func bytecode(of code: CodeObject) throws(RemoteReadError) -> [UInt8] {
        try memory.bytes(at: code.bytecode.start, count: 2 * code.bytecode.units, limit: 2 * Self.tableLimit)
    }

    /// The names that a code object uses: globals, attributes, imports (`co_names`).
    public func names(of code: CodeObject) throws(RemoteReadError) -> [String] {
        var names: [String] = []
        for name in try tuple(code.bytecode.names, limit: Self.slotLimit) ?? [] { names.append(try string(name) ?? "") }
        return names
    }

    /// The string constants of a code object, at most 64 characters of each (`co_consts`, the word before `co_names` in
    /// every version that is read).
    public func stringConstants(of code: CodeObject) throws(RemoteReadError) -> [String] {
        var found: [String] = []
        let constants = try word(code.address, layout.code.names - 8)
        for constant in try tuple(constants, limit: Self.slotLimit) ?? [] {
            if let text = try string(constant, limit: 64) { found.append(text) }
        }
        return found
    }

    /// The exception table (Objects/exception_handling_notes.txt): start, length, target, depth and lasti.
    private func tableRegions(_ code: CodeObject) throws(RemoteReadError) -> [(Range<Int>, Int)] {
        var reader = VarintReader(try bytes(code.bytecode.exceptionTable) ?? [])
        var regions: [(Range<Int>, Int)] = []
        while let start = reader.bigEndian(), let length = reader.bigEndian(), let target = reader.bigEndian(),
            reader.bigEndian() != nil, regions.count < 4 * Self.handlerLimit
        {
            regions.append((start..<(start + length), target))
        }
        return regions
    }

    /// `SETUP_FINALLY` blocks of 3.9 and 3.10: from the set-up to the handler, which follows the body.
    private func blockRegions(_ units: [UInt8]) -> [(Range<Int>, Int)] {
        var regions: [(Range<Int>, Int)] = []
        var extended = 0
        for place in stride(from: 0, to: units.count - 1, by: 2) {
            let (opcode, argument) = (units[place], extended << 8 | Int(units[place + 1]))
            extended = opcode == layout.opcodes.extendedArgument ? argument & 0xFFFF : 0
            guard opcode == layout.opcodes.setupFinally else { continue }
            // The distance is in bytes up to 3.9, in units from 3.10 on; from the next instruction.
            let target = place / 2 + 1 + (layout.minor == 9 ? argument / 2 : argument)
            if target < units.count / 2 { regions.append((place / 2 + 1..<target, target)) }
        }
        return regions
    }

    /// The clauses of a handler; none when it is not an `except`.
    private func clauses(
        at target: Int, _ units: [UInt8], _ instructions: [Int], _ code: CodeObject, _ names: [String]
    ) -> [ExceptionHandler.Clause] {
        let opcodes = layout.opcodes
        var place = 2 * target
        guard place >= 0, place + 3 < units.count else { return [] }
        if let push = opcodes.pushException {
            guard units[place] == push else { return [] }
            place += 2
        }
        // `except:` throws the exception away at once; a `with` handler calls `__exit__` with it.
        if units[place] == opcodes.popTop { return [.init(line: code.line(at: place / 2), names: [])] }
        if let duplicate = opcodes.duplicateTop, units[place] != duplicate { return [] }
        var clauses: [ExceptionHandler.Clause] = []
        var loaded: [String] = []
        var (extended, nested) = (0, false)
        let rest = instructions.drop { 2 * $0 < place }.prefix(512)
        for (unit, next) in zip(rest, rest.dropFirst() + [units.count / 2]) {
            place = 2 * unit
            let (opcode, argument) = (units[place], extended << 8 | Int(units[place + 1]))
            extended = opcode == opcodes.extendedArgument ? argument & 0xFFFF : 0
            if opcode == opcodes.withException { return clauses }
            if opcode == opcodes.pushException { nested = true }
            if opcodes.loadGlobal.contains(opcode) {
                let index = opcodes.pushException == nil ? argument : argument >> 1
                if index < names.count { loaded.append(names[index]) }
            } else if opcode == opcodes.matchException {
                if nested { return clauses }
                clauses.append(.init(line: code.line(at: place / 2), names: loaded))
            } else if opcode == opcodes.reraise, !clauses.isEmpty || loaded.isEmpty {
                // The end of the last clause; in a `finally` it comes before any comparison.
                return clauses
            }
            // Names of one clause's body do not belong to the next one: a new line begins anew.
            if let here = code.lines.line(at: unit), let after = code.lines.line(at: next), here != after {
                loaded = []
            }
        }
        return clauses
    }
}
