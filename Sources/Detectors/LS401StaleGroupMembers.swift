public import Analysis
import Observations

/// LS401: groups keep members that no consumer serves any more.
public struct StaleGroupMembers: Detector {
    /// A detector.
    public init() {}

    /// What it is about.
    public var card: DetectorCard {
        DetectorCard(
            code: "LS401", title: "group never left", severity: .high, minimumGrade: .read,
            meaning: """
                A consumer joins a group and does not leave it when its connection ends. Every message to the group is \
                still made for each of these members, and queued for nobody: sending to the group slows down with every \
                closed connection (measured: 6.4 ms instead of 0.03 ms with 1 000 of them), memory grows, and \
                memberships go only after group_expiry, a day.
                """,
            detection: """
                The in-memory layer's groups are read, and every member is looked for among the channels of the live \
                consumers and of the tasks that receive from the layer. Those of single connections (with a `!` in \
                their name) that nobody has, in all censuses of a second or more, are stale. The class is inferred: the \
                one whose methods name group_add and never group_discard.
                """,
            falsePositives: """
                Channels of workers, without a `!`, may be received from anywhere and are never called stale. A layer \
                that keeps its groups elsewhere (Redis) cannot be judged from this process's memory, and is not.
                """,
            fixes: [
                (
                    "Django Channels",
                    "`await self.channel_layer.group_discard(group, self.channel_name)` in disconnect(), or list the group in the class's `groups`"
                )
            ],
            reproduce: "fixtures/servers: /ws/group-leak")
    }

    /// Judges a session.
    public func check(_ evidence: Evidence) -> DetectorResult {
        let layers = evidence.connectionCensuses.last?.layers ?? []
        guard !evidence.staleMembers.isEmpty else {
            guard let layer = layers.first else { return .notEnoughEvidence("no channel layer was seen") }
            return .notEnoughEvidence(
                layer.members == nil
                    ? "\(layer.layer) keeps its groups outside the process's memory" : "one census only: observe longer"
            )
        }
        let found = evidence.staleMembers.filter { $0.count > 0 }.flatMap { stale -> [Finding] in
            let counted = stale.grade == .exact ? countedFindings(stale, evidence) : []
            return counted.isEmpty ? [finding(stale, evidence)] : counted
        }
        return found.isEmpty ? .holds : .found(found)
    }

    /// Where every join and every leave was counted, the classes that owe the difference are known: a finding for each.
    private func countedFindings(_ stale: StaleMembers, _ evidence: Evidence) -> [Finding] {
        let debts = evidence.ledger.entries.compactMap { entry in
            entry.consumer.flatMap { name in evidence.keptGroups(of: name).map { (name: name, groups: $0) } }
        }
        return debts.filter { $0.groups > 0 }.map { debt in
            let name = "\(Places.shortName(debt.name)).disconnect"
            // Without a `disconnect` of its own: where it joins.
            let place =
                evidence.code.method("disconnect", of: debt.name)?.location
                ?? evidence.code.user(of: ["group_add"], in: debt.name)?.location
            return card.finding(
                confidence: .proof, grade: .exact, pid: stale.pid, consumer: debt.name, count: debt.groups,
                location: place ?? CodeLocation(function: name),
                evidence: [
                    "\(debt.groups.counted("membership")) of consumers that have ended",
                    "\(stale.count.spaced) of the layer's \((stale.layer.members ?? 0).counted("membership")) are nobody's",
                ],
                howSure:
                    "every join and leave was counted; the members were nobody's for \(stale.length.seconds.spokenSeconds)",
                fix: "leave the group in \(name), or list it in the class's `groups`",
                check: "count the members of the group before and after a connection")
        }
    }

    private func finding(_ stale: StaleMembers, _ evidence: Evidence) -> Finding {
        let groups = stale.layer.groups.prefix(4).map { "\($0.name) (\($0.stale.spaced) of \($0.members.spaced))" }
        var lines = [
            "\(stale.count.counted("membership")) of channels that nobody receives from, of \((stale.layer.members ?? 0).spaced)"
        ]
        if !groups.isEmpty { lines.append("in \(groups.joined(separator: ", "))") }
        var suspects = evidence.code.users(of: ["group_add"], without: ["group_discard"])
        // Those whose code mentions the group, or what its name begins with, come before those that only might join it.
        let mentioned = suspects.filter { method in stale.layer.groups.contains { method.mentions(group: $0.name) } }
        if !mentioned.isEmpty { suspects = mentioned }
        let suspect = Set(suspects.map(\.location)).count == 1 ? suspects.first : nil
        if suspect == nil, !suspects.isEmpty {
            let named = suspects.prefix(3).map(\.location.sentence).joined(separator: ", ")
            lines.append("classes that name group_add and never group_discard: \(named)")
        }
        return card.finding(
            confidence: .proof, grade: stale.grade, pid: stale.pid, consumer: suspect?.consumer, count: stale.count,
            location: suspect?.location, evidence: lines,
            howSure: "every member was looked for among the live consumers, for \(stale.length.seconds.spokenSeconds)"
                + (suspect == nil ? "" : "; that this class joined them is inferred from its code"),
            fix: suspect.map {
                "probably \($0.location.function) joins it: `await self.channel_layer.group_discard(…)` in \(Places.shortName($0.consumer)).disconnect"
            } ?? "find the consumer that joins these groups, and leave them in its disconnect",
            check: "in a shell of the server: `len(get_channel_layer().groups[…])` against the open connections")
    }
}

extension ConsumerMethod {
    /// Whether a constant of its code is the name of a group, or the beginning of it: `f"chat_{room}"`.
    fileprivate func mentions(group: String) -> Bool {
        uses.contains { $0.first == "'" && $0.count > 2 && group.hasPrefix($0.dropFirst().dropLast()) }
    }
}
