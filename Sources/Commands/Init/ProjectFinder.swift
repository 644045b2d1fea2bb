/// Finds out what a folder's project is: by its files, without running any of it.
struct ProjectFinder {
    private let folder: ProjectFolder

    /// A finder in this folder.
    init(_ folder: ProjectFolder) { self.folder = folder }

    /// Most routes that get a visitor of their own.
    static let routeLimit = 8

    /// The project; `nil` when it is none of the known kinds.
    func find() -> Project? {
        guard var project = python() ?? swift() else { return nil }
        if project.routes.count > Self.routeLimit {
            let more = project.routes.count - Self.routeLimit
            project.remarks.append("\(more) more routes have no visitor in the scenario: add those that matter")
            project.routes.removeLast(more)
        }
        return project
    }

    // MARK: Python

    private func python() -> Project? {
        let modules = folder.files.filter { $0.hasSuffix(".py") }.compactMap { file in
            folder.text(file).map { (file: file, text: $0) }
        }
        let candidates = modules.compactMap { module in Self.application(in: module.text).map { (module, $0) } }
        // Channels before Starlette, an `asgi.py` before others, the nearest file first.
        guard
            let (module, (name, kind)) = candidates.min(by: { rank($0.0.file, $0.1.kind) < rank($1.0.file, $1.1.kind) })
        else { return nil }
        let manage = folder.files.first { $0 == "manage.py" || $0.hasSuffix("/manage.py") }
        let base = manage.map { String($0.dropLast("manage.py".count)) } ?? ""
        let isInside = module.file.hasPrefix(base)
        let file = isInside ? String(module.file.dropFirst(base.count)) : module.file
        var project = Project(
            kind: kind, application: file.dropLast(3).replacing("/", with: ".") + ":" + name,
            folder: isInside ? String(base.dropLast()) : "", manage: manage)
        for module in modules {
            let (routes, remarks) = RouteScanner.routes(in: module.text, file: module.file)
            project.routes += routes.filter { route in !project.routes.contains { $0.path == route.path } }
            project.remarks += remarks
        }
        project.checksOrigin = module.text.contains("OriginValidator(")
        (project.requirements, project.server) = requirements()
        project.interpreter = [".venv/bin/python", "venv/bin/python"].first { folder.has($0) }
        return project
    }

    private func rank(_ file: String, _ kind: Project.Kind) -> (Int, Int, Int, String) {
        let isASGI = file == "asgi.py" || file.hasSuffix("/asgi.py")
        return (kind == .channels ? 0 : 1, isASGI ? 0 : 1, file.split(separator: "/").count, file)
    }

    /// The variable that holds the application, and what it is made of.
    private static func application(in text: String) -> (name: String, kind: Project.Kind)? {
        let makers: [(call: String, kind: Project.Kind)] = [
            ("ProtocolTypeRouter(", .channels), ("Starlette(", .starlette), ("FastAPI(", .starlette),
        ]
        for line in text.split(separator: "\n") where line.first?.isLetter == true {
            let sides = line.split(separator: "=", maxSplits: 1)
            guard sides.count == 2, sides[0].last != "!", sides[1].first != "=" else { continue }
            let name = sides[0].split(whereSeparator: { $0 == ":" || $0.isWhitespace }).first.map(String.init) ?? ""
            // `application = SentryMiddleware(ProtocolTypeRouter({` is one too.
            guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }),
                let maker = makers.first(where: { sides[1].contains($0.call) })
            else { continue }
            return (name, maker.kind)
        }
        return nil
    }

    /// What to install, and the server that is among it.
    private func requirements() -> (install: [String], server: Project.Server) {
        let files = folder.files.filter { file in
            let name = file.split(separator: "/").last ?? ""
            return name == "pyproject.toml" || (name.hasPrefix("requirements") && name.hasSuffix(".txt"))
        }
        let lists = files.filter { $0.hasSuffix(".txt") }
        let texts = files.compactMap(folder.text)
        let server = Project.Server.allCases.first { server in
            texts.contains { Self.names($0, server.rawValue) }
        }
        if let list = lists.first { return (["-r", list], server ?? .uvicorn) }
        return (files.contains("pyproject.toml") ? ["."] : [], server ?? .uvicorn)
    }

    /// Whether a list of requirements names a package, and not only one whose name begins alike.
    private static func names(_ text: String, _ package: String) -> Bool {
        text.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
            .contains { $0.lowercased() == package }
    }

    // MARK: Swift

    private func swift() -> Project? {
        guard let manifest = folder.text("Package.swift"),
            ["RealtimeServer", "ConsumerRuntime", "ServerLedger"].contains(where: { manifest.contains("\"\($0)\"") }),
            let target = manifest.firstRange(of: ".executableTarget(").map({ manifest[$0.upperBound...] }),
            let name = target.split(separator: "\"", maxSplits: 2).dropFirst().first,
            name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" })
        else { return nil }
        var project = Project(kind: .embedded, application: String(name))
        for file in folder.files where file.hasSuffix(".swift") && file.hasPrefix("Sources/") {
            guard let text = folder.text(file) else { continue }
            project.routes += SwiftRoutes.routes(in: text, file: file).filter { !project.routes.contains($0) }
        }
        return project
    }
}

/// Routes of the runtime's `URLRouter`: the strings before `….application(`.
enum SwiftRoutes {
    static func routes(in text: String, file: String) -> [Project.Route] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap { offset, line in
            line.contains("URLRouter(") || line.contains(".application(")
                ? line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                    .filter { $0.offset % 2 == 1 && $0.element.contains("/") }
                    .compactMap { RoutePattern.example(of: String($0.element), isRegularExpression: false) }
                    .map { Project.Route(path: $0, place: "\(file):\(offset + 1)") }
                : []
        }
    }
}
