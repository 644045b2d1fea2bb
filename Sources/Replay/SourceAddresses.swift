import Foundation
@preconcurrency import Glibc
import NIOCore
import NIOPosix

/// The addresses that clients come from. One address has some 28 000 ports to one server (`net.ipv4.ip_local_port_range`), and a closed connection
/// keeps its port for a minute: beyond that, clients of this machine come from 127.0.0.1, 127.0.0.2 and so on.
struct SourceAddresses: Hashable, Sendable {
    /// How many addresses; 1 leaves the choice to the kernel.
    let count: Int

    /// As many as `clients` need; a server elsewhere is reached from the address that the kernel chooses.
    ///
    /// - Parameter ports: how many an address has.
    init(for clients: Int, to endpoint: Endpoint, ports: Int = Self.portsOfThisMachine) {
        let isFourOnLoopback = endpoint.isLoopback && !endpoint.host.contains(":")
        // Three of ten are left to connections that are on their way out, and to others.
        let perAddress = max(1, ports * 7 / 10)
        count = isFourOnLoopback ? min(254, max(1, (clients + perAddress - 1) / perAddress)) : 1
    }

    /// The kernel's own number where it cannot be read (net/ipv4/inet_connection_sock.c).
    private static let usualPorts = 60_999 - 32_768 + 1

    /// How many ports this machine gives to connections that ask for none.
    static let portsOfThisMachine: Int = {
        guard let file = FileHandle(forReadingAtPath: "/proc/sys/net/ipv4/ip_local_port_range") else {
            return usualPorts
        }
        defer { try? file.close() }  // nothing was written
        let text = String(decoding: (try? file.read(upToCount: 64)) ?? Data(), as: UTF8.self)
        let bounds = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        return bounds.count == 2 && bounds[0] <= bounds[1] ? bounds[1] - bounds[0] + 1 : usualPorts
    }()

    /// The address of one client; `nil` for any.
    func address(of client: Int) -> String? { count > 1 ? "127.0.0.\(1 + client % count)" : nil }
}

extension ClientError {
    /// Why a connection could not be made.
    init(connecting error: any Error) {
        if let number = Self.number(of: error), let lack = Self.lack(number) {
            self = .exhausted(lack)
        } else {
            self = .unreachable(Self.words(error))
        }
    }

    private static func number(of error: any Error) -> Int32? {
        switch error {
        case let error as NIOConnectionError: error.connectionErrors.first.flatMap { number(of: $0.error) }
        case let error as IOError: error.errnoCode
        default: nil
        }
    }

    /// What this machine lacks, for the errors that are its own.
    private static func lack(_ number: Int32) -> String? {
        switch number {
        case EADDRNOTAVAIL:
            "no source port is free (net.ipv4.ip_local_port_range; closed connections keep theirs for a minute)"
        case EMFILE, ENFILE: "no descriptor is left (ulimit -n)"
        default: nil
        }
    }

    private static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { words($0.error) } ?? "there is no address for \(error.host)"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: "nobody answered in time"
        default: String(describing: error)
        }
    }
}
