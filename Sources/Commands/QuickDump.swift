/// `loopscope dump --pid N` in its plain spellings, read without the argument parser.
///
/// The parser builds the arguments of every command from generic types, whose conformances the runtime has to look up in
/// each process anew: more than half of the instructions of a `dump`, which is called again and again by people who watch
/// a server hang, and by scripts. Whatever is not spelled like this goes to the parser, which knows it all.
struct QuickDump: Equatable {
    private(set) var pid: Int32 = 0
    private(set) var isBlocking = false
    private(set) var json = false
    private(set) var tasks = true

    /// The command line as a plain dump; `nil` when it is another, or not plain.
    init?(_ arguments: [String]) {
        guard arguments.first == "dump" else { return nil }
        var rest = arguments.dropFirst()
        while let word = rest.popFirst() {
            switch word {
            case "--pid", "-p":
                // Said twice, or wrong: the parser says what it makes of it.
                guard pid == 0, let number = rest.popFirst().flatMap({ Int32($0) }), number > 0 else { return nil }
                pid = number
            case "--blocking": isBlocking = true
            case "--json": json = true
            case "--no-tasks": tasks = false
            default: return nil
            }
        }
        if pid == 0 { return nil }
    }

    /// Prints the stacks.
    ///
    /// - Throws: `CommandError`.
    func run(in world: World) throws {
        let dump = try DumpCommand.python(TargetOptions.checked(pid), isBlocking: isBlocking, withTasks: tasks)
        DumpCommand.print(dump, json: json, style: ColourChoice.auto.style(world), in: world)
    }
}
