import Glibc

/// Scripts that a running process is asked to run: they lie beside the agent, and answer in a file beside them.
extension AgentFolder {
    /// Makes the folder and all that is in it the property of the user that a process runs as. Only root can have to.
    public func give(toOwnerOf pid: Int32) throws(Failure) {
        var status = stat()
        guard stat("/proc/\(pid)", &status) == 0, status.st_uid != geteuid() else { return }
        let names = AgentSource.files.map { importPath + "/" + $0.path }
        for name in [path, importPath, importPath + "/loopscope_agent"] + names
        where chown(name, status.st_uid, status.st_gid) != 0 {
            throw Failure(
                what: "cannot give \(name) to the user of process \(pid)", why: String(cString: strerror(errno)))
        }
    }

    /// Whether a process sees this very folder under the same name.
    public func isSeen(by pid: Int32) -> Bool {
        var (ours, theirs) = (stat(), stat())
        return stat(path, &ours) == 0 && stat("/proc/\(pid)/root\(path)", &theirs) == 0
            && ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev
    }

    /// A script that runs a statement with the agent at hand and says in a file how that went: in no words when it went well.
    public func scriptText(_ statement: String, answeringIn answer: String) -> String {
        """
        import os
        import sys

        said = ""
        sys.path.insert(0, "\(importPath)")
        try:
            import loopscope_agent

            \(statement)
        except Exception as error:
            said = "%s: %s" % (type(error).__name__, error)
        finally:
            sys.path.remove("\(importPath)")
        with open("\(path)/\(answer).new", "w") as file:
            file.write(said)
        os.rename("\(path)/\(answer).new", "\(path)/\(answer)")

        """
    }

    /// Writes a script into it; its path.
    public func add(_ text: String, as name: String) throws(Failure) -> String {
        let file = "\(path)/\(name)"
        try Self.write(text, to: file, mode: 0o644)
        return file
    }

    /// What a script has answered; `nil` as long as it has not. At most a few lines.
    public func text(of name: String) -> String? {
        let descriptor = open("\(path)/\(name)", O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1000)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
