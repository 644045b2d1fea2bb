import Analysis
import ArgumentParser
import Foundation
import Gate
import Observations
import Replay
import Reports
import Scenarios
import Session
import Synchronization

/// `loopscope gate`: one line in CI that fails when a change lets anything outlive its connection.
struct GateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "Fail a build when a change leaves a consumer, task, descriptor or loop behind.",
        discussion: """
            Plays a scenario twice, once to warm up, and judges what the second round left: counts, which do not depend on \
            the machine. Without a budget nothing may stay behind; with a baseline nothing may be more than before. Times \
            are shown and gate only where a budget says so. Exit codes: 0 passed, 1 findings, 2 a rule broken or a \
            suppression expired, 3 undecided or no baseline yet.

            Examples:
              loopscope gate churn.yaml --update-baseline -- uvicorn --port 0 app:application
              loopscope gate churn.yaml --junit gate.xml --sarif gate.sarif -- uvicorn --port 0 app:application
            """)

    @Argument(help: ArgumentHelp("The scenario.", valueName: "scenario"))
    var path: String

    @Option(help: ArgumentHelp("Rules and suppressions (docs/formats/budget.md).", valueName: "file"))
    var budget: String?

    @Option(help: ArgumentHelp("What to compare with.", valueName: "file"))
    var baseline = ".loopscope/baseline.json"

    @Flag(help: "Write this run as the baseline, instead of comparing with it.")
    var updateBaseline = false

    @Option(help: ArgumentHelp("Rounds before the measured one.", valueName: "rounds"))
    var warmUp = 1

    @OptionGroup var target: ReplayTargetOptions
    @OptionGroup var files: GateFiles

    @Option(help: ArgumentHelp("Keep the recording.", valueName: "file"))
    var save: String?

    @OptionGroup var common: CommonOptions

    @Argument(parsing: .postTerminator, help: ArgumentHelp("A server to launch, after `--`.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        guard (0...10).contains(warmUp) else { throw ValidationError("--warm-up is 0 to 10 rounds") }
        try target.validate(command: command)
    }

    func run() async throws {
        let world = World.current
        let (scenario, text) = try ScenarioFile.readWithText(path)
        let rules = try budget.map { try BudgetFile.read($0) } ?? Budget.nothingStays
        if updateBaseline { try BaselineFile.check(baseline) }
        let known = updateBaseline ? nil : try BaselineFile.read(baseline)
        let judge = GateJudge(
            budget: rules, baseline: known, today: CalendarDay(secondsSince1970: world.wallClock()))
        let measured = try await measure(scenario, judge, world)
        guard let start = measured.session.report.start else {
            throw CommandError("nothing was seen of the server", status: .unavailable)
        }
        let fingerprint = Fingerprint(start, scenario: text, kernel: Machine.kernel, cores: Machine.cores)
        let findings = measured.session.report.findings
        var verdict = judge.judge(
            measured.result.readings, findings: findings, fingerprint: fingerprint,
            isSettled: measured.result.isSettled, checks: measured.result.outcome.checks)
        verdict.remarks += measured.remarks
        if updateBaseline {
            let new = Baseline(
                measured.result.readings, fingerprint: fingerprint,
                findings: findings.map { $0.code + ($0.consumer.map { " \($0)" } ?? "") },
                clients: measured.result.outcome.clients)
            try BaselineFile.write(new, to: baseline)
            verdict.remarks.append("written: \(baseline). Commit it: later runs are held against it.")
        } else if known == nil, budget == nil {
            verdict.undecided.append("there is no baseline yet at \(baseline): write one with --update-baseline")
        }
        let status =
            measured.session.end.reason == .interrupted
            ? .interrupted : verdict.exit(failOn: common.failOn.severity)
        // The verdict first: a file that cannot be written must not cost it.
        print(verdict, scenario, status, fingerprint, measured, world)
        do {
            try files.write(verdict, scenario: scenario.name, status: status, world)
        } catch let error as CommandError where status != .clean {
            world.error(error.text)
        }
        try EarlyExit.end(with: status)
    }

    private func print(
        _ verdict: GateVerdict, _ scenario: Scenario, _ status: ExitReason, _ fingerprint: Fingerprint,
        _ measured: GateMeasurement, _ world: World
    ) {
        if common.json {
            let value = GateJSON.value(
                verdict, name: scenario.name, status: status.gateWord, exitCode: Int(status.rawValue),
                fingerprint: fingerprint)
            return world.output(
                value.adding(ReplayJSON.entries(measured.result.outcome).filter { $0.0 == "clients" }).text(
                    pretty: true) + "\n")
        }
        let style = common.style(world)
        world.output(
            GateText(verdict, style: style).text + "\n" + ReplayText(measured.result.outcome, style: style).text)
        world.output("\ngate: \(status.gateWord)\n")
    }
}

extension GateVerdict {
    /// The exit code.
    func exit(failOn: Severity?) -> ExitReason {
        switch status(failOn: failOn) {
        case .passed: .clean
        case .findings: .findings
        case .regression: .regression
        case .inconclusive: .inconclusive
        }
    }
}

extension ExitReason {
    /// How a gate went, in a word or two.
    var gateWord: String {
        switch self {
        case .clean: "passed"
        case .findings: "failed: findings"
        case .regression: "failed: regression"
        case .inconclusive: "undecided"
        case .interrupted: "interrupted"
        default: "failed"
        }
    }
}
