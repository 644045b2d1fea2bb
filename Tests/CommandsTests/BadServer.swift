@preconcurrency import Glibc

/// A server that says the same to everybody, and then no more: one thread, one connection at a time.
final class BadServer: Sendable {
    let port: Int
    private let listener: Int32

    struct Trouble: Error {}

    /// Listens on a free port of 127.0.0.1.
    ///
    /// - Parameter answer: what it sends before it closes; `nil` to accept, and say nothing.
    init(answering answer: String?) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard bound else { throw Trouble() }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        guard let answer else { return }
        let bytes = Array(answer.utf8)
        let thread = UnsafeMutablePointer<pthread_t>.allocate(capacity: 1)
        defer { thread.deallocate() }
        let work = Unmanaged.passRetained(Work(listener, bytes))
        pthread_create(thread, nil, { Unmanaged<Work>.fromOpaque($0!).takeRetainedValue().serve() }, work.toOpaque())
        pthread_detach(thread.pointee)
    }

    /// Ends it.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private final class Work {
        private let listener: Int32
        private let answer: [UInt8]

        init(_ listener: Int32, _ answer: [UInt8]) { (self.listener, self.answer) = (listener, answer) }

        func serve() -> UnsafeMutableRawPointer? {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return nil }
                var request = [UInt8](repeating: 0, count: 4096)
                _ = read(client, &request, request.count)
                _ = answer.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                close(client)
            }
        }
    }
}
