import Glibc

/// One input; 0 means: go on.
public typealias FuzzTarget = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

/// libFuzzer's entry for programs with a `main` of their own, as SwiftPM makes them (LLVM: FuzzerInterface.h's driver).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ argc: UnsafeMutablePointer<CInt>,
    _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ target: FuzzTarget
) -> CInt

/// Hands the program's arguments to libFuzzer, which calls the target until its time is up.
///
/// - Parameter seeds: inputs that are right, for the fuzzer to make wrong: they are put into the corpus, the folder that
///   is the program's first argument.
public func fuzz(_ target: FuzzTarget, seeds: [[UInt8]] = []) -> Never {
    if CommandLine.arguments.count > 1 {
        for (number, seed) in seeds.enumerated() { write(seed, to: "\(CommandLine.arguments[1])/seed-\(number)") }
    }
    var argc = CommandLine.argc
    var argv = CommandLine.unsafeArgv
    exit(runDriver(&argc, &argv, target))
}

private func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
}
