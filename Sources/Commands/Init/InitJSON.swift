import Reports

extension InitCommand {
    /// What was found and written, schema `loopscope/init/1`.
    func value(_ project: Project, _ written: [String], _ kept: [String], _ next: String) -> JSONValue {
        [
            "schema": "loopscope/init/1", "kind": .string(project.kind.rawValue),
            "application": .string(project.application),
            "routes": .array(
                project.routes.map { ["path": .string($0.path), "place": .string($0.place)] }),
            "remarks": .array(project.remarks.map(JSONValue.string)), "dry_run": .bool(dryRun),
            "written": .array(written.map(JSONValue.string)), "kept": .array(kept.map(JSONValue.string)),
            "next": .string(next),
        ]
    }
}
