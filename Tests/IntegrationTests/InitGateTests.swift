import Foundation
import Testing

/// `init` in a real project, and the gate that it wrote, as CI would run it.
@Suite("The gate that init writes", .serialized)
struct InitGateTests {
    private static let files = [
        "manage.py": "", "requirements.txt": "channels\nuvicorn\n", "mysite/__init__.py": "", "chat/__init__.py": "",
        "mysite/settings.py": """
        SECRET_KEY = "signs nothing"
        ALLOWED_HOSTS = ["*"]
        INSTALLED_APPS = ["channels"]
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        """,
        "mysite/asgi.py": """
        import os

        from django.core.asgi import get_asgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
        django = get_asgi_application()

        from channels.routing import ProtocolTypeRouter, URLRouter

        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter({"http": django, "websocket": URLRouter(websocket_urlpatterns)})
        """,
        "chat/routing.py": """
        from django.urls import re_path

        from .consumers import ChatConsumer

        websocket_urlpatterns = [re_path(r"^ws/chat/(?P<room>\\w+)/$", ChatConsumer.as_asgi())]
        """,
        "chat/consumers.py": """
        import asyncio

        from channels.generic.websocket import AsyncWebsocketConsumer


        class ChatConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
                self.ticker = asyncio.ensure_future(self.tick())

            async def tick(self):
                await asyncio.sleep(3600)

            async def disconnect(self, code):
                self.ticker.cancel()

        """,
    ]

    @Test(
        "passes the project as it is, and fails with class and line when a task is no longer cancelled",
        .enabled(if: PythonEnvironment.client != nil, Comment(rawValue: PythonEnvironment.absence)))
    func gate() async throws {
        let python = try #require(PythonEnvironment.client)
        let folder = FileManager.default.temporaryDirectory.appending(path: "project-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (path, text) in Self.files {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        let written = try await Program.shell("cd '\(folder.path)' && loopscope init")
        #expect(written.status == 0 && written.output.contains("/ws/chat/example/"), "\(written)")
        let workflow = folder.appending(path: ".github/workflows/loopscope.yml")
        let lines = try String(contentsOf: workflow, encoding: .utf8).split(separator: "\n")
        let line = try #require(lines.first { $0.contains("loopscope gate ") }).drop { $0 == " " }
        let environment = [
            "PATH": URL(filePath: python.interpreter).deletingLastPathComponent().path, "PYTHONDONTWRITEBYTECODE": "1",
        ]
        let clean = try await Program.shell("cd '\(folder.path)' && \(line)", environment: environment)
        #expect(clean.status == 0 && clean.output.contains("gate: passed"), "\(clean)")

        let consumers = folder.appending(path: "chat/consumers.py")
        let sick = try #require(Self.files["chat/consumers.py"]).replacing("self.ticker.cancel()", with: "pass")
        try Data(sick.utf8).write(to: consumers)
        let failed = try await Program.shell("cd '\(folder.path)' && \(line)", environment: environment)
        #expect(failed.status == 1, "\(failed)")
        #expect(
            failed.output.contains("chat.consumers.ChatConsumer") && failed.output.contains("consumers.py:11"),
            "\(failed)")
        let sarif = try Data(contentsOf: folder.appending(path: "loopscope.sarif"))
        #expect(String(decoding: sarif, as: UTF8.self).contains("\"uri\": \"chat/consumers.py\""))

        if let validator = ProcessInfo.processInfo.environment["LOOPSCOPE_VALIDATOR"] {
            let script = Fixtures.repository.appending(path: "fixtures/validators/validate.py").path
            for (kind, file) in [
                ("workflow", workflow.path), ("sarif", folder.path + "/loopscope.sarif"),
                ("junit", folder.path + "/loopscope.xml"),
            ] {
                let valid = try await Program.shell("'\(validator)' '\(script)' \(kind) '\(file)'")
                #expect(valid.status == 0, "\(kind): \(valid)")
            }
        }
    }
}
