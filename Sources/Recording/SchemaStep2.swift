extension Schema {
    /// Version 2: samples of a turn of a loop, where a frame's function is declared, who waits for a sync bridge's
    /// thread, and lines of source.
    static let step2 = """
        ALTER TABLE loop_blocks ADD COLUMN samples INTEGER;
        ALTER TABLE frames ADD COLUMN definition INTEGER;

        CREATE TABLE bridge_censuses (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, grade TEXT NOT NULL) STRICT;
        CREATE TABLE bridge_calls (
            id INTEGER PRIMARY KEY, census INTEGER NOT NULL REFERENCES bridge_censuses, executor INTEGER NOT NULL,
            workers INTEGER, running INTEGER, thread TEXT, function INTEGER REFERENCES frames,
            waits_in INTEGER REFERENCES frames, since_ns INTEGER, site INTEGER REFERENCES frames, consumer TEXT,
            count INTEGER NOT NULL) STRICT;
        CREATE TABLE source_excerpts (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, file TEXT NOT NULL,
            first_line INTEGER NOT NULL) STRICT;
        CREATE TABLE source_lines (
            id INTEGER PRIMARY KEY, excerpt INTEGER NOT NULL REFERENCES source_excerpts, text TEXT NOT NULL) STRICT;
        """
}
