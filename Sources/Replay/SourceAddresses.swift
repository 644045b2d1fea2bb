@preconcurrency import Glibc
import NIOCore
import NIOPosix

/// The addresses that clients come from. One address has some 28 000 ports to one server (`net.ipv4.ip_local_port_range`), and a closed connection
/// keeps its port for a minute: beyond that, clients of this machine come from 127.0.0.1, 127.0.0.2 and so on.
struct SourceAddresses: Hashable, Sendable {
    /// Clients for which one address will do.
    static let perAddress = 20_000

    /// How many addresses; 1 leaves the choice to the kernel.
    let count: Int

    /// As many as `clients` need; a server elsewhere is reached from the address that the kernel chooses.
    init(for clients: Int, to endpoint: Endpoint) {
        let isFourOnLoopback = endpoint.isLoopback && !endpoint.host.contains(":")
        count = isFourOnLoopback ? min(254, max(1, (clients + Self.perAddress - 1) / Self.perAddress)) : 1
    }

    /// The address of one client; `nil` for any.
    func address(of client: Int) -> String? { count > 1 ? "127.0.0.\(1 + client % count)" : nil }
}

/// Why a connection could not be made, in words.
enum ConnectTrouble {
    static func words(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            guard let first = error.connectionErrors.first?.error else {
                return "there is no address for \(error.host)"
            }
            return words(first)
        case let error as IOError: return words(of: error.errnoCode)
        case ChannelError.connectTimeout: return "nobody answered in time"
        default: return String(describing: error)
        }
    }

    private static func words(of number: Int32) -> String {
        switch number {
        case EADDRNOTAVAIL:
            "no source port is free (net.ipv4.ip_local_port_range; closed connections keep theirs for a minute)"
        case EMFILE, ENFILE: "no descriptor is left (ulimit -n)"
        default: String(cString: strerror(number))
        }
    }
}
