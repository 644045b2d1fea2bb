import ConsumerRuntime
import Demo
import EmbeddedProbe
@preconcurrency import Glibc
import Observations
import RealtimeServer
import Testing

/// The virtual environment with the outside client, if there is one.
private let venv = getenv("LOOPSCOPE_VENV").map { String(cString: $0) }

/// A client that nobody here wrote: PyPI `websockets`.
@Suite("The websockets library as client", .enabled(if: venv != nil, "LOOPSCOPE_VENV names a venv with `websockets`"))
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

    @Test("text, bytes, fragments, pings, compression, close codes, a refusal, and a thousand at once")
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
