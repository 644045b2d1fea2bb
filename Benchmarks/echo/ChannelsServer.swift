import Glibc

/// uvicorn and Django Channels out of a venv, with an echo consumer: what is to be compared with. A process of its own.
final class ChannelsServer {
    let port: Int
    let pid: pid_t

    private static let application = """
        import django
        from django.conf import settings
        settings.configure(SECRET_KEY="benchmark", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["channels"])
        django.setup()
        from channels.generic.websocket import AsyncWebsocketConsumer
        class EchoConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(text_data=text_data)
        import socket, sys, uvicorn
        application = EchoConsumer.as_asgi()
        uvicorn.run(application, fd=int(sys.argv[1]), log_level="warning", lifespan="off", ws_ping_interval=None)
        """

    /// - Parameter venv: a virtual environment with uvicorn, websockets, Django and channels.
    init(venv: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> UInt16? in
                guard bind(listener, address, size) == 0, listen(listener, 1024) == 0,
                    getsockname(listener, address, &size) == 0
                else { return nil }
                return pointer.pointee.sin_port
            }
        }
        guard let port else { throw BenchmarkError("no port") }
        self.port = Int(UInt16(bigEndian: port))
        let words = ["\(venv)/bin/python", "-c", Self.application, String(listener)]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var made: pid_t = 0
        let result = posix_spawn(&made, words[0], nil, nil, &arguments, environ)
        close(listener)
        guard result == 0 else { throw BenchmarkError("\(words[0]): \(String(cString: strerror(result)))") }
        pid = made
    }

    func stop() {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
    }
}
