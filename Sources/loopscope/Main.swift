import Commands

@main
struct Main {
    static func main() async { await Loopscope.main(in: .process) }
}
