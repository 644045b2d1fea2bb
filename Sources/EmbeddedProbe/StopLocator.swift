import Instruments
import Observations
import RemoteProcess

/// Finds the function that swallowed a stop, and the methods of each class: once for each class, away from the loops.
struct StopLocator: Sendable {
    /// The runtime's modules as mangled names begin with them (docs/ABI/Mangling.rst of swift).
    private static let runtimePrefixes = ["$s15ConsumerRuntime", "$s11Instruments"]

    let instrument: Instrument

    /// Locates the classes that have been seen since the last time.
    func locateNew() {
        for seen in instrument.takeSeen() {
            instrument.tell(located: MethodLocator.methods(of: seen, pid: instrument.pid).map { .method($0) })
        }
        for swallowed in instrument.takeSwallowed() {
            let location = Self.location(of: swallowed)
            instrument.tell(located: [
                .swallowed(
                    SwallowedStop(
                        time: swallowed.time, pid: instrument.pid, consumer: swallowed.consumer, location: location))
            ])
        }
    }

    /// The outermost function of the user's that the stop went through on its way to the dispatch loop: the override of
    /// `dispatch` if there is one.
    ///
    /// Where no stop was ever thrown there is no way to follow: then an override did not call its base, and which one it
    /// is depends on how far the message got.
    static func location(of swallowed: SwallowedClass, with symbolizer: Symbolizer = .own) -> CodeLocation {
        if let chain = swallowed.chain, let found = usersFunctions(in: chain, symbolizer).last { return found }
        let name = swallowed.consumer.split(separator: ".").last.map(String.init) ?? swallowed.consumer
        // The end of the mangled name of each override that a class may have.
        let (handler, mangled) =
            swallowed.reachedBase
            ? ("websocketDisconnect", "19websocketDisconnect4codeySi_tYaKF")
            : ("dispatch", "8dispatchyy15ConsumerRuntime7MessageOYaKF")
        var location = CodeLocation(function: "\(name).\(handler)")
        if let type = swallowed.mangledName,
            let entry = FunctionEntry.address(of: "$s\(type)\(mangled)", inBinaryAt: swallowed.metadata)
        {
            let place = symbolizer.symbol(at: entry).declaration
            location.file = place?.file
            location.line = place?.line
        }
        return location
    }

    /// The functions between the one that threw and `awaitManyDispatch` that are not the runtime's, innermost first.
    static func usersFunctions(in chain: ReturnChain, _ symbolizer: Symbolizer) -> [CodeLocation] {
        var found: [CodeLocation] = []
        for entry in chain.entries {
            let address = entry.isReturnAddress && entry.address > 0 ? entry.address - 1 : entry.address
            let symbol = symbolizer.symbol(at: address)
            if symbol.function.hasPrefix("awaitManyDispatch") { break }
            guard let mangled = symbol.mangled, mangled.hasPrefix("$s"),
                !runtimePrefixes.contains(where: mangled.hasPrefix),
                symbol.function.contains(".")
            else { continue }
            let declared =
                FunctionEntry.address(ofFunctionWithPart: mangled, inBinaryAt: address)
                .flatMap { symbolizer.symbol(at: $0).declaration } ?? symbol.declaration
            found.append(
                CodeLocation(
                    function: String(symbol.function.prefix { $0 != "(" }), file: declared?.file ?? symbol.line?.file,
                    line: declared?.line))
        }
        return found
    }
}
