import Clocks
import Instruments
import Observations
import RemoteProcess

/// Where the methods of a consumer class are declared that detectors point at: found by their symbols, once for each class.
enum MethodLocator {
    /// The end of the mangled name of each (docs/ABI/Mangling.rst of swift), and what the protocol calls it.
    private static let methods = [
        ("connect", "7connectyyYaKF"), ("receive", "7receive4textySS_tYaKF"),
        ("receive", "7receive5bytesySays5UInt8VG_tYaKF"), ("disconnect", "10disconnect4codeySi_tYaKF"),
    ]

    /// The methods that `seen` itself declares; what it inherits is another class's.
    static func methods(of seen: SeenClass, pid: Int32) -> [ConsumerMethod] {
        guard let type = seen.mangledName else { return [] }
        let name = seen.consumer.split(separator: ".").last.map(String.init) ?? seen.consumer
        var found: [ConsumerMethod] = []
        for (method, suffix) in methods where !found.contains(where: { $0.name == method }) {
            guard let entry = FunctionEntry.address(of: "$s\(type)\(suffix)", inBinaryAt: seen.metadata) else {
                continue
            }
            let place = Symbolizer.own.symbol(at: entry).declaration
            found.append(
                ConsumerMethod(
                    time: Moment.now(), pid: pid, consumer: seen.consumer, name: method,
                    location: CodeLocation(function: "\(name).\(method)", file: place?.file, line: place?.line)))
        }
        return found
    }
}
