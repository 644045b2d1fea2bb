import Observations
import Replay

extension CommandError {
    /// Why a server could not be asked.
    ///
    /// - Parameter log: what a launched server wrote last.
    init(_ refusal: PolicyProber.Refusal, at target: DoctorTarget, log: [String]) {
        let place = "ws://\(target.endpoint.authority)\(target.path)".plain(limit: 200)
        let tail = Self.tail(of: log)
        switch refusal {
        case .unreachable(let why):
            self.init(
                "nobody answers at \(place)", why: tail ?? why.plain(limit: 300),
                do: "start the server first, or have it launched: doctor -- COMMAND", status: .unavailable)
        case .silent:
            self.init(
                "\(place) does not answer a handshake",
                why: tail ?? "its application neither accepts nor refuses, or it is busy",
                do:
                    "name a path that accepts; the one that does not is --hanging-path \(target.path.plain(limit: 100))",
                status: .unavailable)
        case .notWebSocket:
            self.init(
                "\(place) does not speak WebSocket",
                why: tail ?? "its answer to the handshake is not HTTP, or breaks off",
                do: "check host and port", status: .unavailable)
        case .status(let status):
            let (why, remedy) = Self.reading(of: status)
            self.init(
                "\(place) answers the handshake with \(status)", why: tail ?? why, do: remedy, status: .unavailable)
        }
    }

    private static func reading(of status: Int) -> (why: String, remedy: String) {
        let path = "name the path that accepts: doctor ws://HOST:PORT/ws/…, or --path /ws/… before the command"
        switch status {
        case 200...299: return ("an ordinary page is served there, or a proxy drops the Upgrade field", path)
        case 300...399: return ("it sends clients elsewhere: to a login, or to the path with a slash", path)
        case 401, 403:
            return (
                "the application refuses the connection: for want of a login, or for its Origin",
                "--header 'Cookie: sessionid=…' or --header 'Origin: https://your.site'"
            )
        case 404: return ("there is no route for the path", path)
        case 426: return ("it wants another protocol or version than WebSocket 13", path)
        case 500...599: return ("the application failed, or has no route for the path", path)
        default: return ("it does not open the connection", path)
        }
    }
}
