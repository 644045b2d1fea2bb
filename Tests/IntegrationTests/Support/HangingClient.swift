/// A client that asks for an upgrade and then only waits, for as long as its input is open.
enum HangingClient {
    /// Starts one; its request has been sent.
    static func start(_ server: ServerFixture, _ path: String) async throws -> ChildProcess {
        let client = try ChildProcess(["bash", "-c", upgrade, "upgrade", "\(server.port)", path])
        _ = try await client.readLine()
        return client
    }

    /// bash's arguments are the port and the path.
    private static let upgrade = #"""
        exec 3<>/dev/tcp/127.0.0.1/$1
        printf 'GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' "$2" >&3
        printf 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n' >&3
        echo sent
        cat >/dev/null
        """#
}
