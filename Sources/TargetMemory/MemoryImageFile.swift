/// Why bytes are not a memory image.
public enum MemoryImageError: Error, Hashable, Sendable {
    /// Not a memory image, or one of another version.
    case unknownFormat
    /// The bytes end early, or go on after the end.
    case wrongLength
    /// A page or name at this position breaks the format's rules.
    case malformed(at: Int)
}

extension MemoryImage {
    private static let magic = Array("LSMEM\u{0}\u{1}\n".utf8)

    /// The file form: names and pages in ascending order, each page without its trailing zeros.
    public func encoded() -> [UInt8] {
        var bytes = Self.magic
        append(UInt64(names.count), 2, to: &bytes)
        for (name, value) in names.sorted(by: { $0.key < $1.key }) {
            let text = Array(name.utf8.prefix(255))
            bytes.append(UInt8(text.count))
            bytes += text
            append(value, 8, to: &bytes)
        }
        append(UInt64(pages.count), 4, to: &bytes)
        for (address, page) in pages.sorted(by: { $0.key < $1.key }) {
            let length = (page.lastIndex { $0 != 0 } ?? -1) + 1
            append(address, 8, to: &bytes)
            append(UInt64(length), 2, to: &bytes)
            bytes += page[..<length]
        }
        return bytes
    }

    /// Reads the file form back.
    ///
    /// - Throws: `MemoryImageError` for anything `encoded()` does not write.
    public init(decoding bytes: [UInt8]) throws(MemoryImageError) {
        guard bytes.starts(with: Self.magic) else { throw .unknownFormat }
        var reader = Reader(bytes: bytes[Self.magic.count...])
        self.init()
        for _ in 0..<(try reader.integer(2)) {
            let position = reader.position
            let length = Int(try reader.integer(1))
            guard let name = String(validating: try reader.take(length), as: UTF8.self), names[name] == nil else {
                throw .malformed(at: position)
            }
            names[name] = try reader.integer(8)
        }
        let count = try reader.integer(4)
        guard count <= UInt64(Self.maximumPages) else { throw .malformed(at: reader.position) }
        for _ in 0..<count {
            let position = reader.position
            let address = try reader.integer(8)
            let length = Int(try reader.integer(2))
            guard address % UInt64(Self.pageSize) == 0, length <= Self.pageSize, pages[address] == nil else {
                throw .malformed(at: position)
            }
            pages[address] =
                Array(try reader.take(length)) + [UInt8](repeating: 0, count: Self.pageSize - length)
        }
        guard reader.bytes.isEmpty else { throw .wrongLength }
    }

    private func append(_ value: UInt64, _ width: Int, to bytes: inout [UInt8]) {
        for shift in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>
        var position: Int { bytes.startIndex }

        mutating func take(_ count: Int) throws(MemoryImageError) -> ArraySlice<UInt8> {
            guard count <= bytes.count else { throw .wrongLength }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }

        mutating func integer(_ width: Int) throws(MemoryImageError) -> UInt64 {
            try take(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }
}
