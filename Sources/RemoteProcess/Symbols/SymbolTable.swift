import Glibc

/// Functions by address: sorted once, searched by halving. Names stay bytes until they are asked for.
public struct SymbolTable: Hashable, Sendable {
    /// Most symbols that are kept.
    public static let maximumSymbols = 4_000_000

    private struct Entry: Hashable, Sendable {
        var address: UInt64
        var size: UInt64
        /// Where its name begins in `names`; it ends with a zero.
        var name: Int
    }
    private var entries: [Entry] = []
    private var names: [UInt8] = []

    /// A table of nothing.
    public init() {}

    /// Functions held.
    public var count: Int { entries.count }

    /// Adds a function; `sort` before looking up.
    mutating func add(address: UInt64, size: UInt64, name: UnsafePointer<CChar>) {
        entries.append(Entry(address: address, size: size, name: names.count))
        names.append(contentsOf: UnsafeRawBufferPointer(start: name, count: strlen(name) + 1))
    }

    /// Brings the functions into order. Of several at one address the sized one, then the first added, wins.
    mutating func sort() {
        entries.sort { left, right in
            if left.address != right.address { return left.address < right.address }
            if (left.size == 0) != (right.size == 0) { return left.size != 0 }
            return left.name < right.name
        }
        var last: UInt64?
        entries.removeAll { entry in
            defer { last = entry.address }
            return entry.address == last
        }
    }

    /// The function that holds an address as linked; `nil` between functions.
    public func function(at address: UInt64) -> ElfFile.Symbol? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].address <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return nil }
        let entry = entries[low - 1]
        // A symbol without a size (hand-written assembly) reaches to the next one.
        guard entry.size == 0 || address - entry.address < entry.size else { return nil }
        let name = names[entry.name...].prefix { $0 != 0 }
        return ElfFile.Symbol(
            name: String(decoding: name, as: UTF8.self), address: entry.address, size: entry.size)
    }
}
