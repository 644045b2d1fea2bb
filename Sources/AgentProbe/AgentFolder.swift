import Clocks
import Glibc
import Observations

/// The private folder of one launch: the agent's files, and the memory of each process that it counts.
public struct AgentFolder: Sendable {
    /// Why there is none.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// What could not be done.
        public var what: String
        /// In the kernel's words.
        public var why: String
        /// In words.
        public var description: String { "\(what): \(why)" }
    }

    /// Where it is.
    public let path: String

    /// A folder that is there.
    public init(path: String) { self.path = path }

    /// The folder that PYTHONPATH must name. Tools that tell libraries from applications tell by this name.
    public var importPath: String { path + "/site-packages" }

    /// Makes a private folder (0700) with the agent in it: in memory where there is a file system for that.
    public static func make(environment: [String: String]) throws(Failure) -> AgentFolder {
        // /dev/shm first: a container's or a chroot's view of it is most often the same.
        let places = ["/dev/shm", environment["XDG_RUNTIME_DIR"], environment["TMPDIR"], "/tmp"]
        var failure = Failure(what: "no folder for the agent", why: "neither /dev/shm nor /tmp can be written to")
        for place in places.compactMap(\.self) where !place.isEmpty {
            var template = Array("\(place)/loopscope-agent-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else {
                failure = Failure(what: "cannot make a folder in \(place)", why: String(cString: strerror(errno)))
                continue
            }
            let folder = AgentFolder(
                path: String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self))
            do throws(Failure) {
                try folder.write(readableByAll: false)
                return folder
            } catch {
                folder.remove()
                failure = error
            }
        }
        throw failure
    }

    /// Makes it (0700), or takes the one that is there as it is, for processes that are not started by us. The agent's files
    /// may be read by anybody: whoever loads them may be another user. Memories of processes that have ended are removed
    /// by those that come after them.
    public func install() throws(Failure) {
        try write(readableByAll: true)
        try Self.write("", to: path + "/installed", mode: 0o644)
    }

    /// Whether somebody may put files into it who is neither its owner nor us, or take ours away.
    public var isOpenToOthers: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o022 != 0 && status.st_mode & S_ISVTX == 0
    }

    /// Whether the agent is in it.
    public var isInstalled: Bool { access(importPath + "/loopscope_agent/__init__.py", F_OK) == 0 }

    private func write(readableByAll: Bool) throws(Failure) {
        for (folder, mode) in [(path, 0o700), (importPath, 0o755), (importPath + "/loopscope_agent", 0o755)] {
            guard mkdir(folder, readableByAll ? mode_t(mode) : 0o700) == 0 || errno == EEXIST else {
                throw Failure(what: "cannot make \(folder)", why: String(cString: strerror(errno)))
            }
        }
        for file in AgentSource.files {
            try Self.write(file.text, to: "\(importPath)/\(file.path)", mode: readableByAll ? 0o644 : 0o600)
        }
    }

    static func write(_ text: String, to path: String, mode: mode_t) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw Failure(what: "cannot write \(path)", why: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var bytes = ArraySlice(text.utf8)
        while !bytes.isEmpty {
            let count =
                bytes.withContiguousStorageIfAvailable { Glibc.write(descriptor, $0.baseAddress, $0.count) } ?? -1
            guard count > 0 else {
                throw Failure(what: "cannot write \(path)", why: String(cString: strerror(errno)))
            }
            bytes = bytes.dropFirst(count)
        }
    }

    /// The environment that a process needs to be counted: its own with two variables changed.
    public func variables(in environment: [String: String]) -> [String: String] {
        let before = environment["PYTHONPATH"] ?? ""
        return ["PYTHONPATH": before.isEmpty ? importPath : "\(importPath):\(before)"]
    }

    /// The memories in it, by name: one file per process.
    public func rings() -> [String] {
        guard let listing = opendir(path) else { return [] }
        defer { closedir(listing) }
        var found: [String] = []
        while let entry = readdir(listing), found.count < 4096 {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".ring") { found.append("\(path)/\(name)") }
        }
        return found.sorted()
    }

    /// The running processes that have a memory in it.
    public func processes() -> [Int32] {
        rings().compactMap { path in
            let name = path.dropFirst(self.path.count + 1).prefix { $0 != "-" }
            return Int32(name).flatMap { ProcessState.isRunning($0) ? $0 : nil }
        }
    }

    /// Whether any process that runs counts into it, wherever it runs.
    public var isCounting: Bool {
        rings().contains { path in
            guard let file = RingFile(path) else { return false }
            return Counted(file, at: .now(), joins: true) != nil
        }
    }

    /// Removes it with all that is in it.
    public func remove() { Self.remove(path, depth: 4) }

    private static func remove(_ path: String, depth: Int) {
        if depth > 0, let listing = opendir(path) {
            while let entry = readdir(listing) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard name != ".", name != ".." else { continue }
                let isFolder = entry.pointee.d_type == UInt8(DT_DIR)
                if isFolder { remove("\(path)/\(name)", depth: depth - 1) } else { unlink("\(path)/\(name)") }
            }
            closedir(listing)
        }
        rmdir(path)
    }
}
