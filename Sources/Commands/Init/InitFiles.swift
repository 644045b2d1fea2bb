import Observations

/// The files that `init` writes: a scenario, a budget, a workflow. Texts only.
struct InitFiles {
    /// The project.
    let project: Project

    /// Where each of them goes, relative to the project.
    static let (scenario, budget, workflow) = (
        ".loopscope/scenario.yaml", ".loopscope/budget.yaml", ".github/workflows/loopscope.yml"
    )

    /// All of them, in the order in which they are worth reading.
    var all: [(path: String, text: String)] {
        [(Self.scenario, scenario), (Self.budget, budget), (Self.workflow, workflow)]
    }

    /// The command line of the gate, for a shell in the project's folder.
    ///
    /// - Parameters:
    ///   - options: what stands before `--`.
    ///   - interpreter: the Python that runs the server.
    func gate(_ options: [String] = [], interpreter: String) -> String {
        let words = ["loopscope", "gate", Self.scenario, "--budget", Self.budget] + options + ["--"]
        return (words + project.command(interpreter: interpreter)).map(Self.shell).joined(separator: " ")
    }

    /// A word for a POSIX shell.
    private static func shell(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            byte < 0x80 && (UnicodeScalar(byte).properties.isAlphabetic || "0123456789-_./:=,@+".utf8.contains(byte))
        }
        return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }

    /// A text for YAML.
    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    // MARK: The scenario

    private var scenario: String {
        let routes =
            project.routes.isEmpty
            ? [Project.Route(path: "/", place: "no route was found: give a path")] : project.routes
        let origin = project.checksOrigin ? ", headers: {Origin: \"http://localhost\"}" : ""
        var clients: [String] = []
        for (index, route) in routes.enumerated() {
            clients += [
                "  visitor-\(index + 1):  # \(route.place.plain(limit: 120))",
                "    - connect: {path: \(Self.quoted(route.path))\(origin)}", "    - idle: 200 ms", "    - close",
            ]
        }
        clients += [
            "  rude:  # loses its connection, as phones in a tunnel do",
            "    - connect: {path: \(Self.quoted(routes[0].path))\(origin)}", "    - idle: 200 ms", "    - abort",
        ]
        let shares = routes.indices.map { "visitor-\($0 + 1): 2" } + ["rude: 1"]
        return """
            # What clients do to the server, and nothing of it may stay behind. Made by `loopscope init`, and yours from now on.
            # Verbs and metrics: `loopscope replay --verbs`. If a consumer wants a login, give `connect` its `cookies` or `token`;
            # if it wants a message, put `send` and `expect` before `close`.
            scenario: nothing stays behind

            clients:
            \(clients.joined(separator: "\n"))

            phases:
              - phase: visitors come and go
                clients: {\(shares.joined(separator: ", "))}
                population: \(routes.count * 2 + 1)
                settle: 10 s

            """
    }

    // MARK: The budget

    private var budget: String {
        """
        # What a change may cost. The second of two rounds is measured: what grows again grows with every connection.
        # Counts have no tolerance, because they do not depend on the machine; times gate only where a rule has a `max`.
        rules:
          - {metric: consumers.stuck, max: 0}
          - {metric: tasks.growth, max: 0}
          - {metric: fds.growth, max: 0}
          - {metric: threads.growth, max: 0}
          - {metric: clients.failed, max: 0}
          # - {metric: latency.p99, max: 250 ms}

        # Findings that are known and borne, for a time and with a reason; on the day after, the gate fails.
        # suppress:
        #   - {finding: LS101, consumer: chat.consumers.TickerConsumer, reason: ticket 123, until: 2027-01-31}

        """
    }

    // MARK: The workflow

    private var workflow: String {
        """
        # Made by `loopscope init`. It fails when a change lets anything outlive its connection, and says class and line.
        name: loopscope
        on: [push, pull_request]

        permissions:
          contents: read

        jobs:
          gate:
            runs-on: ubuntu-latest
            timeout-minutes: 30
            steps:
              - uses: actions/checkout@v4
        \(isPython ? setUpPython : "      - run: swift build")
              # loopscope is built from its source, once: set the repository's variable LOOPSCOPE_REPOSITORY to its owner/name.
              - uses: actions/checkout@v4
                with:
                  repository: ${{ vars.LOOPSCOPE_REPOSITORY }}
                  path: .loopscope-source
              - uses: actions/cache@v4
                with:
                  path: .loopscope-source/.build
                  key: loopscope-${{ runner.os }}-${{ hashFiles('.loopscope-source/Package.resolved', '.loopscope-source/Sources/**') }}
              - name: Build loopscope
                working-directory: .loopscope-source
                run: |
                  make setup
                  swift build --configuration release --static-swift-stdlib --product loopscope
                  echo "$PWD/.build/release" >> "$GITHUB_PATH"

              - name: Gate
                run: >-
                  \(gate(["--junit", "loopscope.xml", "--sarif", "loopscope.sarif"], interpreter: "python"))
              - uses: actions/upload-artifact@v4
                if: always()
                with:
                  name: loopscope
                  path: |
                    loopscope.xml
                    loopscope.sarif

        """
    }

    private var isPython: Bool { project.kind != .embedded }

    private var setUpPython: String {
        let server = project.command(interpreter: "python").drop { $0 != "-m" }.dropFirst().first ?? "uvicorn"
        // Named too: a list that has it already is asked for nothing.
        let packages = project.requirements + [server] + (server == "uvicorn" ? ["websockets"] : [])
        var lines = [
            "      - uses: actions/setup-python@v5", "        with:", "          python-version: \"3.13\"",
            "      - run: pip install \(packages.map(Self.shell).joined(separator: " "))",
        ]
        if let manage = project.manage, project.kind == .channels {
            lines.append("      - run: python \(Self.shell(manage)) migrate --noinput")
        }
        return lines.joined(separator: "\n")
    }
}
