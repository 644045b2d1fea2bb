import Glibc

/// The first 100 bytes of a file, by which an SQLite database says what it is (sqlite.org/fileformat2.html §1.3).
struct FileHeader {
    /// SQLite's own length of its header.
    static let length = 100

    /// The file's size.
    let size: Int
    /// What could be read; shorter when the file is.
    let bytes: [UInt8]
    /// The error number of opening or reading; 0 when there was none.
    let errno: Int32

    /// Reads the header of a file.
    init(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            bytes = []
            size = 0
            errno = Glibc.errno
            return
        }
        defer { close(descriptor) }
        var status = stat()
        size = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        var buffer = [UInt8](repeating: 0, count: Self.length)
        let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        errno = count < 0 ? Glibc.errno : 0
        bytes = Array(buffer.prefix(max(0, count)))
    }

    /// The length the header states, in bytes; `nil` when it does not say, or the change counter disowns it.
    var statedLength: Int? {
        guard isSQLite, bytes.count == Self.length, bytes[24..<28] == bytes[92..<96] else { return nil }
        let pageSize = number(16..<18) == 1 ? 65536 : number(16..<18)
        return Int(pageSize) * Int(number(28..<32))
    }

    private func number(_ range: Range<Int>) -> UInt32 { bytes[range].reduce(0) { $0 << 8 | UInt32($1) } }

    /// Whether the file begins as every SQLite 3 database does.
    var isSQLite: Bool { bytes.starts(with: Array("SQLite format 3\0".utf8)) }

    /// The program the database belongs to; `nil` when the header is cut or not one.
    var applicationID: Int32? {
        guard isSQLite, bytes.count == Self.length else { return nil }
        return Int32(bitPattern: number(68..<72))
    }
}
