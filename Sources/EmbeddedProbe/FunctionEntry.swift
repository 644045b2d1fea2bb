import RemoteProcess

/// Where functions of our own process begin, by their mangled names.
enum FunctionEntry {
    /// The entry of an async function, given the name of one of the parts it was split into at its suspensions:
    /// the name with `TQ0_` or `TY1_` at its end (docs/ABI/Mangling.rst of swift, "async await resume partial function").
    static func address(ofFunctionWithPart mangled: String, inBinaryAt address: UInt64) -> UInt64? {
        var name = Substring(mangled)
        while name.hasSuffix("_"), let kind = name.lastIndex(where: { $0 == "Q" || $0 == "Y" }), kind > name.startIndex,
            name[name.index(before: kind)] == "T", name[name.index(after: kind)...].dropLast().allSatisfy(\.isNumber)
        {
            name = name[..<name.index(before: kind)]
        }
        return name.count < mangled.count ? self.address(of: String(name), inBinaryAt: address) : nil
    }

    /// The address of a symbol of the binary that is mapped at `address`.
    static func address(of symbol: String, inBinaryAt address: UInt64) -> UInt64? {
        guard let maps = try? MemoryMaps(of: Symbolizer.own.pid), let mapping = maps.mapping(at: address),
            let first = maps.files.first(where: { $0.inode == mapping.inode && $0.path == mapping.path }),
            let file = try? ElfFile(of: first, in: Symbolizer.own.pid), let bias = file.loadBias(of: first),
            let found = file.symbol(symbol)
        else { return nil }
        return found.address &+ bias
    }
}
