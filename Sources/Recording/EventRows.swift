import Observations

extension LayerEvent: StoredRow {
    static let table = "layer_events"
    static let columns = "time_ns, pid, kind, layer, group_name, count"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(kind)
        row.put(layer)
        row.put(group)
        row.put(count)
    }

    init(from row: inout RowReader) throws {
        self.init(
            time: try row.take(), pid: try row.take(), kind: try row.take(), layer: try row.take(),
            group: try row.take(), count: try row.take())
    }
}

extension BridgeEvent: StoredRow {
    static let table = "bridge_events"
    static let columns = "time_ns, pid, kind, site, count"

    func write(to row: inout RowWriter) throws {
        row.put(time)
        row.put(pid)
        row.put(kind)
        try row.put(frame: site)
        row.put(count)
    }

    init(from row: inout RowReader) throws {
        self.init(
            time: try row.take(), pid: try row.take(), kind: try row.take(), site: try row.takeFrame(),
            count: try row.take())
    }
}

extension ClientEvent: StoredRow {
    static let table = "client_events"
    static let columns = "time_ns, client, phase, kind, code, latency_ns, count"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(client)
        row.put(phase)
        row.put(kind)
        row.put(code)
        row.put(latency)
        row.put(count)
    }

    init(from row: inout RowReader) throws {
        self.init(
            time: try row.take(), client: try row.take(), phase: try row.take(), kind: try row.take(),
            code: try row.take(), latency: try row.take(), count: try row.take())
    }
}
