import Observations

extension ServerState: StoredRow {
    static let table = "census_servers"
    static let parent: String? = "census"
    static let columns = """
        package, implementation, stopping, applications, connections, grace_ns, patience_ns, handshake_ns
        """

    func write(to row: inout RowWriter) {
        row.put(package)
        row.put(implementation)
        row.put(isStopping)
        row.put(applications)
        row.put(connections)
        row.put(grace)
        row.put(patience)
        row.put(handshake)
    }

    init(from row: inout RowReader) throws {
        self.init(
            package: try row.take(), implementation: try row.take(), isStopping: try row.take(),
            applications: try row.take(), connections: try row.take(), grace: try row.take(),
            patience: try row.take(), handshake: try row.take())
    }
}

extension LayerCensus: StoredRow {
    static let table = "census_layers"
    static let parent: String? = "census"
    static let columns = "alias, layer, members, stale"

    func write(to row: inout RowWriter) {
        row.put(alias)
        row.put(layer)
        row.put(members)
        row.put(stale)
        row.put(children: groups)
    }

    init(from row: inout RowReader) throws {
        self.init(
            alias: try row.take(), layer: try row.take(), members: try row.take(), stale: try row.take(),
            groups: try row.children())
    }
}

extension LayerCensus.Group: StoredRow {
    static let table = "census_groups"
    static let parent: String? = "layer"
    static let columns = "name, members, stale"

    func write(to row: inout RowWriter) {
        row.put(name)
        row.put(members)
        row.put(stale)
    }

    init(from row: inout RowReader) throws {
        self.init(name: try row.take(), members: try row.take(), stale: try row.take())
    }
}

extension ConsumerMethod: StoredRow {
    static let table = "consumer_methods"
    static let columns = "time_ns, pid, consumer, name, function, file, line, handler_line, uses"

    func write(to row: inout RowWriter) {
        row.put(time)
        row.put(pid)
        row.put(consumer)
        row.put(name)
        row.put(location)
        // Names of code have no spaces in them.
        row.put(uses.joined(separator: " "))
    }

    init(from row: inout RowReader) throws {
        let (time, pid): (Moment, Int32) = (try row.take(), try row.take())
        let (consumer, name): (String, String) = (try row.take(), try row.take())
        guard let location = try row.takeLocation() else { throw row.damage }
        let uses: String = try row.take()
        self.init(
            time: time, pid: pid, consumer: consumer, name: name, location: location,
            uses: uses.split(separator: " ").map(String.init))
    }
}
