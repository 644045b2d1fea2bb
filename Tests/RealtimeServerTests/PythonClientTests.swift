import ConsumerRuntime
import Demo
import EmbeddedProbe
@preconcurrency import Glibc
import Observations
import RealtimeServer
import Testing

/// The virtual environment with the outside client, if there is one.
private let venv = getenv("LOOPSCOPE_VENV").map { String(cString: $0) }

/// Clients that nobody here wrote: PyPI `websockets` and `aiohttp`.
@Suite(
    "Python libraries as clients",
    .enabled(if: venv != nil, "LOOPSCOPE_VENV names a venv with `websockets` and `aiohttp`"))
struct PythonClientTests {
    private static let script = """
        import asyncio, sys, websockets
        url = "ws://127.0.0.1:%s" % sys.argv[1]
        async def conversation():
            async with websockets.connect(url + "/ws/echo/", compression=None) as socket:
                for message in ["größe €𝄞", "", "x" * 70000, b"", bytes(range(256)) * 300]:
                    await socket.send(message)
                    assert await socket.recv() == message
                await socket.send(["frag", "men", "ts"])
                assert await socket.recv() == "fragments"
                await (await socket.ping(b"there?"))
                await socket.close(4321, "done")
                assert socket.close_code == 4321, socket.close_code
        async def compressed():
            async with websockets.connect(url + "/ws/echo/") as socket:
                for message in ["a" * 10000, "größe", ""]:
                    await socket.send(message)
                    assert await socket.recv() == message
        async def many():
            sockets = await asyncio.gather(*[websockets.connect(url + "/ws/echo/", compression=None) for _ in range(1000)])
            await asyncio.gather(*[socket.send(str(n)) for n, socket in enumerate(sockets)])
            replies = await asyncio.gather(*[socket.recv() for socket in sockets])
            assert replies == [str(n) for n in range(1000)]
            await asyncio.gather(*[socket.close() for socket in sockets])
        async def refused():
            try:
                await websockets.connect(url + "/nowhere")
            except websockets.exceptions.InvalidStatus as error:
                assert error.response.status_code == 404
            else:
                assert False
        async def main():
            await conversation(); await compressed(); await refused(); await many()
        asyncio.run(main())
        """

    @Test("websockets: text, bytes, fragments, pings, compression, close codes, a refusal, and a thousand at once")
    func client() async throws {
        let log = try await withServer { harness in
            let port = String(harness.server.port)
            let status = await Task.detached { Self.run([(venv ?? "") + "/bin/python", "-c", Self.script, port]) }.value
            #expect(status == 0)
            try await harness.balanced(opened: 1003)
        }
        #expect(log.count(.accepted) == 1002)
        #expect(log.count(.rejected) == 1)
        #expect(log.connections().contains { $0.step == .closed && $0.code == 4321 })
    }

    private static let aiohttp = """
        import asyncio, sys, aiohttp
        url = "http://127.0.0.1:%s" % sys.argv[1]
        async def conversation(session, compress):
            async with session.ws_connect(url + "/ws/echo/", compress=compress, max_msg_size=0) as socket:
                for text in ["größe €𝄞", "", "x" * 70000]:
                    await socket.send_str(text)
                    assert await socket.receive_str() == text
                for data in [b"", bytes(range(256)) * 300]:
                    await socket.send_bytes(data)
                    assert await socket.receive_bytes() == data
                await socket.close(code=4321)
        async def bomb(session):
            async with session.ws_connect(url + "/ws/echo/", compress=15) as socket:
                await socket.send_bytes(bytes(64 << 20))
                message = await socket.receive()
                assert message.type == aiohttp.WSMsgType.CLOSE and message.data == 1009, message
        async def pages(session):
            for _ in range(3):
                async with session.get(url + "/") as response:
                    assert response.status == 200 and "test server" in await response.text()
            async with session.post(url + "/upload/", data=b"x" * 1000000) as response:
                assert await response.text() == "POST 1000000\\n"
            async def chunks():
                for _ in range(10): yield b"y" * 1000
            async with session.post(url + "/upload/", data=chunks()) as response:
                assert await response.text() == "POST 10000\\n"
            async with session.get(url + "/events/") as response:
                assert await response.text() == "data: 1\\n\\ndata: 2\\n\\ndata: 3\\n\\n"
            async with session.head(url + "/") as response: assert response.status == 200
            async with session.get(url + "/nowhere") as response: assert response.status == 404
        async def main():
            async with aiohttp.ClientSession() as session:
                await conversation(session, 0); await conversation(session, 15); await bomb(session); await pages(session)
        asyncio.run(main())
        """

    @Test("aiohttp: WebSockets with compression and without, a compression bomb, and HTTP both ways")
    func aiohttp() async throws {
        try await withServer { harness in
            let port = String(harness.server.port)
            let status = await Task.detached { Self.run([(venv ?? "") + "/bin/python", "-c", Self.aiohttp, port]) }
                .value
            #expect(status == 0)
            try await harness.eventually("opened = closed, started = ended") {
                $0.count(.opened) == $0.count(.closed) && $0.count(.started) == $0.count(.ended)
            }
        }
    }

    /// Runs a program and waits for it; its exit status, or -1.
    private static func run(_ words: [String]) -> Int32 {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        var status: Int32 = 0
        guard posix_spawn(&pid, words[0], nil, nil, &arguments, environ) == 0, waitpid(pid, &status, 0) == pid else {
            return -1
        }
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
    }
}
