extension Schema {
    /// Version 3: what consumers, tasks and descriptors that outlive their connection are told by.
    static let step3 = """
        ALTER TABLE census_instances ADD COLUMN wait TEXT;
        ALTER TABLE census_instances ADD COLUMN served INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE task_groups ADD COLUMN first_number INTEGER;
        ALTER TABLE task_groups ADD COLUMN last_number INTEGER;

        CREATE TABLE census_servers (
            id INTEGER PRIMARY KEY, census INTEGER NOT NULL REFERENCES connection_censuses, package TEXT NOT NULL,
            implementation TEXT, stopping INTEGER, applications INTEGER, connections INTEGER, grace_ns INTEGER,
            patience_ns INTEGER, handshake_ns INTEGER) STRICT;
        CREATE TABLE census_layers (
            id INTEGER PRIMARY KEY, census INTEGER NOT NULL REFERENCES connection_censuses, alias TEXT NOT NULL,
            layer TEXT NOT NULL, members INTEGER, stale INTEGER) STRICT;
        CREATE TABLE census_groups (
            id INTEGER PRIMARY KEY, layer INTEGER NOT NULL REFERENCES census_layers, name TEXT NOT NULL,
            members INTEGER NOT NULL, stale INTEGER NOT NULL) STRICT;
        CREATE TABLE consumer_methods (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, consumer TEXT NOT NULL,
            name TEXT NOT NULL, function TEXT NOT NULL, file TEXT, line INTEGER, handler_line INTEGER,
            uses TEXT NOT NULL) STRICT;
        CREATE TABLE process_descriptors (
            id INTEGER PRIMARY KEY, sample INTEGER NOT NULL REFERENCES process_samples, kind TEXT NOT NULL,
            count INTEGER NOT NULL) STRICT;
        """
}
