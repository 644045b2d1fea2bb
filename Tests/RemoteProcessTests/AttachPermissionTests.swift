import ProcessFixtures
import Testing

@testable import RemoteProcess

/// One row: what differs from an ordinary user (uid 1000) with a server of its own, on a host without Yama.
private struct Case: CustomTestStringConvertible {
    var testDescription: String
    var own: [String: String] = [:]
    var target: [String: String] = [:]
    var files: [String: String] = [:]
    var links: [String: String] = [:]
    /// The owner /proc shows for the target.
    var owner: UInt32 = 1000
    var wasRefused = false
    /// Parts of the reason and of the remedy; none when it is allowed.
    var why: String?
    var remedy: String?

    static let all = "000001ffffffffff"
    static let none = "0000000000000000"
    static let docker = "00000000a80425fb"

    private func status(_ changes: [String: String]) -> String {
        let lines = [
            "Name": "uvicorn", "State": "S (sleeping)", "PPid": "1", "Uid": "1000\t1000\t1000\t1000",
            "Gid": "1000\t1000\t1000\t1000", "VmSize": "   10000 kB", "CapPrm": Case.none, "CapEff": Case.none,
            "CapBnd": Case.all, "NoNewPrivs": "0", "Seccomp": "0",
        ].merging(changes) { $1 }
        return lines.sorted { $0.key < $1.key }.filter { !$0.value.isEmpty }.map { "\($0.key):\t\($0.value)\n" }
            .joined()
    }

    func judge() throws -> AttachPermission.Verdict {
        let fake = try FakeProc(files)
        try fake.write("500/status", status(own))
        try fake.link("self", to: "500")
        try fake.link("500/exe", to: "/opt/loopscope/bin/loopscope")
        try fake.link("500/ns/user", to: "user:[4026531837]")
        try fake.link("500/ns/pid", to: "pid:[4026531836]")
        if target["State"] != "" { try fake.write("4711/status", status(target)) }
        try fake.link("4711/ns/user", to: "user:[4026531837]")
        for (name, path) in links { try fake.link(name, to: path) }
        let owner = owner
        return AttachPermission(pid: 4711, proc: fake.proc, ownerOf: { _ in owner }).judge(wasRefused: wasRefused)
    }
}

@Suite("May we attach")
struct AttachPermissionTests {
    private static let yama1 = ["sys/kernel/yama/ptrace_scope": "1\n"]
    private static let root = ["Uid": "0\t0\t0\t0", "Gid": "0\t0\t0\t0", "CapPrm": Case.all, "CapEff": Case.all]
    private static let contained = [
        "Uid": "0\t0\t0\t0", "Gid": "0\t0\t0\t0", "CapPrm": Case.docker, "CapEff": Case.docker, "CapBnd": Case.docker,
    ]
    private static let containerLinks = ["500/ns/pid": "pid:[4026532999]"]

    private static let cases: [Case] = [
        Case(testDescription: "its own server, no Yama"),
        Case(testDescription: "root, whatever", own: root, files: yama1, owner: 0),
        Case(
            testDescription: "its own server, Yama", files: yama1, why: "ptrace_scope is 1: only a parent may attach",
            remedy: "`sudo /opt/loopscope/bin/loopscope attach --pid 4711`"),
        Case(
            testDescription: "its own child, Yama", target: ["PPid": "600"],
            files: yama1.merging([
                "600/status":
                    "Name:\tsh\nState:\tS\nPPid:\t500\nUid:\t1000 1000 1000\nGid:\t1000 1000 1000\nCapPrm:\t0\nCapEff:\t0\n"
            ]) { $1 }),
        Case(
            testDescription: "Yama asks for the capability", files: ["sys/kernel/yama/ptrace_scope": "2\n"],
            why: "ptrace_scope is 2", remedy: "`sudo /opt"),
        Case(
            testDescription: "Yama lets nobody, not even root", own: root,
            files: ["sys/kernel/yama/ptrace_scope": "3\n"],
            why: "ptrace_scope is 3: nobody may attach until a restart", remedy: "loopscope run -- COMMAND`"),
        Case(
            testDescription: "Yama, in a shell that gains nothing", own: ["NoNewPrivs": "1"], files: yama1,
            why: "only a parent", remedy: "from a shell that may gain rights"),
        Case(
            testDescription: "Yama, in a unit without the capability", own: ["CapBnd": Case.none], files: yama1,
            why: "only a parent", remedy: "`sudo sysctl kernel.yama.ptrace_scope=0` (for the whole host"),
        Case(
            testDescription: "another user's server", target: ["Uid": "33\t33\t33\t33"], owner: 33,
            why: "it runs as uid 33, we as uid 1000, and we lack CAP_SYS_PTRACE", remedy: "`sudo /opt"),
        Case(
            testDescription: "another group", target: ["Gid": "33\t33\t33\t33"],
            why: "it runs as gid 33, we as gid 1000",
            remedy: "`sudo /opt"),
        Case(
            testDescription: "a server that may not be dumped", owner: 0, why: "it may not be dumped",
            remedy: "`sudo /opt"),
        Case(
            testDescription: "a server with capabilities", target: ["CapPrm": "0000000000000400"],
            why: "it has capabilities that we do not have", remedy: "`sudo /opt"),
        Case(
            testDescription: "root in a container, another user's server", own: contained,
            target: ["Uid": "33\t33\t33\t33"], links: containerLinks, owner: 33, why: "it runs as uid 33, we as uid 0",
            remedy: "start the container with `--cap-add SYS_PTRACE`"),
        Case(
            testDescription: "root in a pod, another user's server", own: contained, target: ["Uid": "33\t33\t33\t33"],
            files: ["500/cgroup": "0::/kubepods.slice/pod1\n"], links: containerLinks, owner: 33,
            why: "uid 33", remedy: "add SYS_PTRACE to securityContext.capabilities.add"),
        Case(
            testDescription: "root of a user namespace, a server outside", own: root,
            links: ["500/ns/user": "user:[4026533000]"], why: "outside of our user namespace", remedy: "on the host"),
        Case(
            testDescription: "refused by a filter", own: ["Seccomp": "2"], wasRefused: true, why: "Seccomp: 2",
            remedy: "--security-opt seccomp=unconfined"),
        Case(
            testDescription: "refused by something unseen", own: root, owner: 0, wasRefused: true,
            why: "AppArmor, SELinux",
            remedy: "dmesg"),
        Case(testDescription: "a filter that does not refuse", own: ["Seccomp": "2"]),
        Case(
            testDescription: "no such process", target: ["State": ""], why: "no such process", remedy: "attach` lists"),
        Case(
            testDescription: "no such process in a container", target: ["State": ""], links: containerLinks,
            why: "no such process", remedy: "process ids of its own"),
        Case(
            testDescription: "a hidden process", target: ["State": ""],
            files: ["500/mounts": "proc /proc proc rw,nosuid,hidepid=invisible 0 0\n"], why: "hidepid",
            remedy: "`sudo /opt"),
        Case(
            testDescription: "a zombie", target: ["State": "Z (zombie)"], why: "it has ended", remedy: "attach` lists"),
        Case(
            testDescription: "a thread of the kernel", own: root, target: ["VmSize": ""], why: "thread of the kernel",
            remedy: "attach` lists"),
    ]

    @Test("each case has its reason and its one remedy", arguments: cases)
    fileprivate func judge(_ row: Case) throws {
        let verdict = try row.judge()
        guard let why = row.why, let remedy = row.remedy else {
            #expect(verdict == .allowed)
            return
        }
        guard case .denied(let error) = verdict else {
            Issue.record("allowed, not denied: \(why)")
            return
        }
        #expect(error.what.hasPrefix("cannot attach to process 4711"))
        #expect(error.why.contains(why), "\(error)")
        #expect(error.remedy.contains(remedy), "\(error)")
        #expect(error.isGone == (why.contains("no such process") || why.contains("has ended")))
    }

    @Test("a process's name cannot command the terminal")
    func hostile() throws {
        let verdict = try Case(
            testDescription: "", target: ["Name": "\u{1B}[2Jx", "Uid": "33\t33\t33\t33"], owner: 33
        ).judge()
        guard case .denied(let error) = verdict else {
            Issue.record("allowed")
            return
        }
        #expect(error.what == "cannot attach to process 4711 (\\u{1B}[2Jx): Operation not permitted")
    }

    @Test("credentials cut short anywhere do not trap")
    func truncation() {
        let text = Array(
            "Name:\tx\nState:\tS\nPPid:\t1\nUid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nCapPrm:\tff\nCapEff:\tff\n".utf8)
        for length in text.indices { _ = ProcessCredentials(parsing: Array(text[..<length])) }
        #expect(ProcessCredentials(parsing: text)?.user.saved == 1)
    }
}
