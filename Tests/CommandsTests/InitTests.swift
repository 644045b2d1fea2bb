import Foundation
import Scenarios
import Testing

@testable import Commands

@Suite("init")
struct InitTests {
    /// A folder with these files, for as long as `body` runs.
    private func project<Value>(_ files: [String: String], _ body: (URL) async throws -> Value) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "init-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (path, text) in files {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return try await body(folder)
    }

    private static let channels = [
        "backend/manage.py": "", "backend/requirements.txt": "channels[daphne]==4.3\n",
        "backend/site/asgi.py": "application = AllowedHostsOriginValidator(ProtocolTypeRouter({\n}))\n",
        "backend/chat/routing.py": """
        # path("ws/comment/", Old.as_asgi())
        urls = [
            re_path(r"^ws/chat/(?P<room>\\w+)/$", consumers.ChatConsumer.as_asgi()),
            path('ws/news/<int:page>/', NewsConsumer.as_asgi()),
        ]
        """,
    ]

    @Test("finds a Channels project, writes files that its own parsers read, and says where its routes are")
    func channels() async throws {
        try await project(Self.channels) { folder in
            let run = await loopscope("init", folder.path)
            #expect(run.status == .clean, "\(run.printed.error)")
            for part in [
                "Django Channels, daphne site.asgi:application", "/ws/chat/example/  (backend/chat/routing.py:3)",
                "/ws/news/1/  (backend/chat/routing.py:4)", "wrote: .loopscope/scenario.yaml", "Origin",
                "-- env PYTHONPATH=backend python -m daphne -b 127.0.0.1 -p 0 site.asgi:application",
            ] {
                #expect(run.printed.output.contains(part), "\(part) in\n\(run.printed.output)")
            }
            #expect(!run.printed.output.contains("comment"))
            let scenario = try Scenario(
                yaml: String(contentsOf: folder.appending(path: ".loopscope/scenario.yaml"), encoding: .utf8))
            #expect(scenario.phases.count == 1)
            let budget = try Budget(
                yaml: String(contentsOf: folder.appending(path: ".loopscope/budget.yaml"), encoding: .utf8))
            #expect(budget.isWritten && budget.rules.count == 5)
            let workflow = try String(
                contentsOf: folder.appending(path: ".github/workflows/loopscope.yml"), encoding: .utf8)
            #expect(workflow.contains("pip install -r backend/requirements.txt daphne"))
            #expect(workflow.contains("python backend/manage.py migrate --noinput"))
        }
    }

    @Test("keeps what is there, writes nothing in a dry run, and replaces only when told to")
    func keeps() async throws {
        try await project(Self.channels.merging([".loopscope/budget.yaml": "mine"]) { one, _ in one }) { folder in
            let dry = await loopscope("init", folder.path, "--dry-run")
            #expect(dry.status == .clean && dry.printed.output.contains("would write: .loopscope/scenario.yaml"))
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/.loopscope/scenario.yaml"))
            let first = await loopscope("init", folder.path, "--json")
            #expect(first.printed.output.filter { !$0.isWhitespace }.contains(#""kept":[".loopscope/budget.yaml"]"#))
            #expect(FileManager.default.contents(atPath: folder.path + "/.loopscope/budget.yaml") == Data("mine".utf8))
            let forced = await loopscope("init", folder.path, "--force")
            #expect(forced.printed.output.contains("wrote: .loopscope/budget.yaml"))
        }
    }

    @Test(
        "finds Starlette, FastAPI and a Swift package",
        arguments: [
            (
                [
                    "pyproject.toml": "[project]\ndependencies = ['hypercorn']",
                    "web/main.py": "app: FastAPI = FastAPI()\n@app.websocket(\"/ws/{room}\")\n",
                ],
                "Starlette, hypercorn web.main:app", "/ws/example  (web/main.py:2)"
            ),
            (
                ["app.py": "application = Starlette(routes=[\n  WebSocketRoute('/live/{id:int}', live)])"],
                "Starlette, uvicorn app:application", "no WebSocket route"
            ),
            (
                [
                    "Package.swift":
                        ".executableTarget(name: \"Chat\", dependencies: [.product(name: \"RealtimeServer\", package: \"loopscope\")])",
                    "Sources/Chat/main.swift": "URLRouter([.init(\"ws/chat/<room>/\", Chat.application())])",
                ],
                "embedded runtime, executable Chat", "/ws/chat/example/  (Sources/Chat/main.swift:1)"
            ),
        ])
    func kinds(_ files: [String: String], _ what: String, _ route: String) async throws {
        try await project(files) { folder in
            let run = await loopscope("init", folder.path, "--dry-run")
            #expect(run.status == .clean && run.printed.output.contains(what), "\(run.printed.output)")
            if what.contains("app:application") {
                #expect(run.printed.output.contains("/live/1  (app.py:2)"), "\(run.printed.output)")
            } else {
                #expect(run.printed.output.contains(route), "\(run.printed.output)")
            }
        }
    }

    @Test("says what it looked for when there is no project, and follows no link out of it")
    func nothing() async throws {
        try await project(["notes.py": "x = 1"]) { folder in
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/loop", withDestinationPath: folder.path)
            let run = await loopscope("init", folder.path)
            #expect(run.status == .unreadable && run.printed.error.contains("ProtocolTypeRouter("))
        }
    }

    @Test(
        "makes an example of a route's pattern, or says that it cannot",
        arguments: [
            ("^ws/chat/(?P<room>\\w+)/$", true, "/ws/chat/example/"), ("ws/(?P<id>\\d+)$", true, "/ws/1"),
            ("ws/a\\.b/?$", true, "/ws/a.b/"), ("ws/[a-z]+/$", true, nil), ("ws/(a|b", true, nil),
            ("ws/<uuid:key>/<slug:x>/", false, "/ws/00000000-0000-4000-8000-000000000001/example/"),
            ("/ws/{id:int}", false, "/ws/1"), ("", false, "/"), ("ws/<broken", false, nil), ("a b", false, nil),
            ("((((((((", true, nil), ("\\", true, nil),
        ] as [(String, Bool, String?)])
    func patterns(_ pattern: String, _ isRegularExpression: Bool, _ path: String?) {
        #expect(RoutePattern.example(of: pattern, isRegularExpression: isRegularExpression) == path)
    }

    @Test("reads routers within routers, and any text without a trap")
    func scanner() {
        let text = """
            '''path("ws/doc/", D.as_asgi())'''
            u = URLRouter([path("ws/", URLRouter([path("in/", A.as_asgi()), path("to/", B.as_asgi())])),
                path("out/", C.as_asgi()), path("admin/", admin.urls)])
            """
        let routes = RouteScanner.routes(in: text, file: "r.py").routes
        #expect(routes.map(\.path) == ["/ws/in/", "/ws/to/", "/out/"])
        #expect(routes.map(\.place) == ["r.py:2", "r.py:2", "r.py:3"])
        for length in 0..<text.utf8.count {
            _ = RouteScanner.routes(in: String(decoding: text.utf8.prefix(length), as: UTF8.self), file: "r.py")
            _ = RouteScanner.routes(in: String(decoding: text.utf8.dropFirst(length), as: UTF8.self), file: "r.py")
        }
    }
}
