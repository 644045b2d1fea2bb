@preconcurrency import Glibc

/// Where a process offers its observations: `/tmp/loopscope-UID/PID.socket`, in its own view of the file system.
///
/// The folder is the user's alone (0700), and so is the socket (0600): whoever can reach it is that user, or root.
public struct SocketPlace: Hashable, Sendable {
    /// The folder.
    public var folder: String
    /// The socket in it.
    public var path: String

    /// A socket in a folder.
    public init(folder: String, name: String) {
        self.folder = folder
        path = "\(folder)/\(name)"
    }

    /// Where this process offers its own.
    public static var own: SocketPlace {
        SocketPlace(folder: "/tmp/loopscope-\(geteuid())", name: "\(getpid()).socket")
    }

    /// Why a folder is not used.
    public struct Untrusted: Error, Hashable, Sendable, CustomStringConvertible {
        /// The folder.
        public var folder: String
        /// What is wrong with it.
        public var why: String
        /// In words.
        public var description: String { "\(folder) \(why)" }
    }

    /// Makes the folder, or checks that it is ours alone: `/tmp` is everybody's, and another user may have been first.
    func makeFolder() throws(Untrusted) {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw Untrusted(folder: folder, why: "cannot be made: \(String(cString: strerror(errno)))")
        }
        guard Self.isPrivate(folder, owner: geteuid()) else {
            throw Untrusted(folder: folder, why: "is not a folder of this user alone (mode 0700)")
        }
    }

    private static func isPrivate(_ folder: String, owner: uid_t) -> Bool {
        var status = stat()
        return lstat(folder, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_uid == owner
            && status.st_mode & 0o077 == 0
    }

    /// The socket of another process, seen through its root; `nil` when it offers none that can be trusted.
    ///
    /// It lies in a private folder of the user that the process runs as, under the number that the process has in its own
    /// namespace, and is that user's.
    ///
    /// - Parameter proc: where procfs is.
    public static func find(pid: Int32, proc: String = "/proc") -> SocketPlace? {
        guard let (owner, number) = identity(of: pid, proc: proc) else { return nil }
        let tmp = "\(proc)/\(pid)/root/tmp"
        guard let listing = opendir(tmp) else { return nil }
        defer { closedir(listing) }
        var looked = 0
        while looked < entryLimit, let entry = readdir(listing) {
            looked += 1
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasPrefix("loopscope-"), isPrivate("\(tmp)/\(name)", owner: owner) else { continue }
            let place = SocketPlace(folder: "\(tmp)/\(name)", name: "\(number).socket")
            var status = stat()
            if lstat(place.path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK, status.st_uid == owner {
                return place
            }
        }
        return nil
    }

    /// Most entries of a target's `/tmp` that are looked at.
    private static let entryLimit = 20_000

    /// The effective user of a process, and its number in its innermost namespace (proc_pid_status(5): `Uid`, `NSpid`).
    private static func identity(of pid: Int32, proc: String) -> (owner: uid_t, number: Int32)? {
        let file = open("\(proc)/\(pid)/status", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 8192) { target, count in
            count = max(0, read(file, target.baseAddress, 8192))
        }
        var owner: uid_t?
        var number = pid
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split { $0 == "\t" || $0 == " " }
            switch words.first {
            case "Uid:" where words.count > 2: owner = uid_t(words[2])
            case "NSpid:": number = words.last.flatMap { Int32($0) } ?? pid
            default: break
            }
        }
        return owner.map { ($0, number) }
    }
}
