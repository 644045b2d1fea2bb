import Analysis
import Gate
import Launcher
import Observations
import Replay
import Reports
import Scenarios
import Session
import Synchronization

/// What a gate has to judge, and what a reader should know of how it came about.
struct GateMeasurement: Sendable {
    /// The measured round.
    var result: GateRun.Result
    /// The whole session, its warm-up too.
    var session: SessionOutcome
    /// What could not be seen, and what the machine did meanwhile.
    var remarks: [String]
}

extension GateCommand {
    /// Makes the target ready, plays, and ends what was started.
    ///
    /// - Throws: a `CommandError` when the run ended before it was measured; what was found until then is printed.
    func measure(_ scenario: Scenario, _ judge: GateJudge, _ world: World) async throws -> GateMeasurement {
        let group = ClientGroup()
        let target = try await target.open(command: command, scenario: scenario)
        let kept = Mutex<(result: GateRun.Result?, remarks: [String], log: LogTail?)>((nil, [], nil))
        let replayed: ReplayResult
        let before = MachineNoise.Reading.now()
        do {
            replayed = try await Interrupts.cancel { [self] in
                try await target.run { opened in
                    kept.withLock { ($0.remarks, $0.log) = (opened.remarks, opened.log) }
                    let player = ScenarioRun(
                        scenario, at: opened.endpoint, group: group, seesServer: opened.seesServer,
                        control: opened.control)
                    let run = GateRun(scenario, player: player, warmUp: warmUp)
                    let session = try await SessionRunner(save: save, replacing: true).run(opened.probe) { session in
                        let result = try await run.play(
                            in: session, tooHigh: judge.tooHigh, progress: { common.progress($0, in: world) })
                        kept.withLock { $0.result = result }
                    }
                    let outcome = kept.withLock { $0.result?.outcome }
                    return ReplayResult(
                        outcome: outcome ?? ReplayOutcome(scenario: scenario.name, seed: scenario.seed),
                        session: session)
                }
            }
            await group.stop()
        } catch {
            await group.stop()
            throw error
        }
        var (measured, remarks, log) = kept.withLock { $0 }
        guard var result = measured.take() else { throw ended(replayed.session, log?.lines ?? [], world) }
        result.outcome.complete(exitSeconds: replayed.exitSeconds)
        result.readings.values["exit.seconds"] = replayed.exitSeconds
        let after = MachineNoise.Reading.now()
        if let before, let after, let noise = MachineNoise(from: before, to: after) {
            let waited = replayed.session.report.processes.compactMap(\.runQueuePercent).reduce(0, +)
            remarks.append(
                "the machine meanwhile: \(noise.words); the server waited \(Int(waited.rounded())) % of the time for a processor"
            )
        }
        return GateMeasurement(result: result, session: replayed.session, remarks: remarks)
    }

    /// Why there is nothing to judge, after the findings until then.
    private func ended(_ session: SessionOutcome, _ log: [String], _ world: World) -> CommandError {
        if !common.json, !session.report.findings.isEmpty {
            for finding in session.report.findings {
                world.output(TextReport.text(of: finding, style: common.style(world)) + "\n\n")
            }
        }
        guard session.end.reason != .interrupted else {
            return CommandError("interrupted before the measured round had ended", status: .interrupted)
        }
        return CommandError(
            "the server ended before the measured round had",
            why: CommandError.tail(of: log) ?? session.end.detail?.plain(limit: 300),
            do: "look at its own log; `loopscope replay` with the same scenario shows what its clients saw",
            status: .inconclusive)
    }
}
