extension Schema {
    /// Version 1. Documented for users in `docs/formats/recording.md`; a test compares the two.
    ///
    /// Every kind of observation has a table, in the order it was made (`id`); times are nanoseconds of
    /// CLOCK_MONOTONIC; NULL is "not known". Frames and stacks are stored once.
    static let step1 = """
        CREATE TABLE recording (schema TEXT NOT NULL, last_moment_ns INTEGER, summed_samples INTEGER NOT NULL) STRICT;
        INSERT INTO recording VALUES ('', NULL, 0);

        CREATE TABLE session_starts (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, wall_clock REAL NOT NULL, kind TEXT NOT NULL,
            description TEXT NOT NULL, pid INTEGER, grade TEXT NOT NULL, tool TEXT NOT NULL) STRICT;
        CREATE TABLE session_ends (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT) STRICT;
        CREATE TABLE phases (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, name TEXT NOT NULL) STRICT;
        CREATE TABLE notes (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER, code TEXT, text TEXT NOT NULL) STRICT;
        CREATE TABLE sample_quality (
            id INTEGER PRIMARY KEY, taken INTEGER NOT NULL, retried INTEGER NOT NULL, lost INTEGER NOT NULL,
            torn INTEGER NOT NULL) STRICT;
        CREATE TABLE impact (
            id INTEGER PRIMARY KEY, writes INTEGER NOT NULL, stops INTEGER NOT NULL, bytes_read INTEGER NOT NULL,
            observer_cpu_ns INTEGER NOT NULL) STRICT;

        CREATE TABLE frames (
            id INTEGER PRIMARY KEY, kind TEXT NOT NULL, function TEXT NOT NULL, file TEXT, line INTEGER) STRICT;
        CREATE TABLE stacks (
            id INTEGER PRIMARY KEY, depth INTEGER NOT NULL, leaf INTEGER REFERENCES frames) STRICT;
        CREATE TABLE stack_frames (
            stack INTEGER NOT NULL REFERENCES stacks, position INTEGER NOT NULL,
            frame INTEGER NOT NULL REFERENCES frames, PRIMARY KEY (stack, position)) STRICT, WITHOUT ROWID;
        CREATE TABLE sightings (
            id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, tid INTEGER NOT NULL, thread TEXT NOT NULL,
            activity TEXT NOT NULL, holds_gil INTEGER, stack INTEGER NOT NULL REFERENCES stacks, consumer TEXT,
            task TEXT, summed_count INTEGER NOT NULL, summed_weight_ns INTEGER NOT NULL,
            summed_until_ns INTEGER) STRICT;
        CREATE TABLE samples (
            id INTEGER PRIMARY KEY, sighting INTEGER NOT NULL REFERENCES sightings, time_ns INTEGER NOT NULL,
            count INTEGER NOT NULL, weight_ns INTEGER NOT NULL) STRICT;
        CREATE VIEW stack_sums AS
            SELECT id, pid, tid, thread, activity, holds_gil, stack, consumer, task,
                summed_count + coalesce(c, 0) AS count, summed_weight_ns + coalesce(w, 0) AS weight_ns,
                max(coalesce(summed_until_ns, t), coalesce(t, summed_until_ns)) AS last_time_ns
            FROM sightings LEFT JOIN (
                SELECT sighting, sum(count) AS c, sum(weight_ns) AS w, max(time_ns) AS t FROM samples
                WHERE id > (SELECT summed_samples FROM recording) GROUP BY sighting) ON sighting = sightings.id;
        CREATE VIEW stack_samples AS
            SELECT samples.time_ns, pid, tid, thread, activity, holds_gil, consumer, task, samples.count,
                samples.weight_ns, stack, function, file, line
            FROM samples JOIN sightings ON sightings.id = sighting JOIN stacks ON stacks.id = stack
            LEFT JOIN frames ON frames.id = leaf;

        CREATE TABLE loop_windows (
            id INTEGER PRIMARY KEY, start_ns INTEGER NOT NULL, length_ns INTEGER NOT NULL, pid INTEGER NOT NULL,
            loop TEXT NOT NULL, thread TEXT NOT NULL, grade TEXT NOT NULL, ticks INTEGER, busy_ns INTEGER,
            thread_cpu_ns INTEGER, tick_durations BLOB NOT NULL, heartbeat_lag_ns INTEGER, ready_handles INTEGER,
            timers INTEGER) STRICT;
        CREATE TABLE loop_blocks (
            id INTEGER PRIMARY KEY, since_ns INTEGER NOT NULL, length_ns INTEGER NOT NULL, pid INTEGER NOT NULL,
            loop TEXT NOT NULL, stack INTEGER NOT NULL REFERENCES stacks, consumer TEXT, message TEXT) STRICT;

        CREATE TABLE dispatch_windows (
            id INTEGER PRIMARY KEY, start_ns INTEGER NOT NULL, length_ns INTEGER NOT NULL, pid INTEGER NOT NULL,
            loop TEXT NOT NULL, route TEXT, consumer TEXT NOT NULL, message TEXT NOT NULL, handler TEXT NOT NULL,
            returned INTEGER, stopped INTEGER, threw INTEGER, cancelled INTEGER, after_disconnect INTEGER NOT NULL,
            busy_ns INTEGER NOT NULL, durations BLOB NOT NULL) STRICT;
        CREATE TABLE dispatches (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, loop TEXT NOT NULL,
            connection INTEGER NOT NULL, consumer TEXT NOT NULL, message TEXT NOT NULL, outcome TEXT NOT NULL,
            duration_ns INTEGER NOT NULL, error TEXT) STRICT;
        CREATE TABLE swallowed_stops (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, consumer TEXT NOT NULL,
            function TEXT NOT NULL, file TEXT, line INTEGER, handler_line INTEGER) STRICT;
        CREATE TABLE connection_events (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, connection INTEGER NOT NULL,
            step TEXT NOT NULL, consumer TEXT, path TEXT, code INTEGER, outcome TEXT, error TEXT) STRICT;
        CREATE TABLE consumer_windows (
            id INTEGER PRIMARY KEY, start_ns INTEGER NOT NULL, length_ns INTEGER NOT NULL, pid INTEGER NOT NULL,
            consumer TEXT NOT NULL, tasks_started INTEGER NOT NULL, tasks_ended INTEGER NOT NULL,
            groups_joined INTEGER NOT NULL, groups_left INTEGER NOT NULL,
            disconnects_delivered INTEGER NOT NULL) STRICT;

        CREATE TABLE connection_censuses (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, grade TEXT NOT NULL) STRICT;
        CREATE TABLE census_consumers (
            id INTEGER PRIMARY KEY, census INTEGER NOT NULL REFERENCES connection_censuses, consumer TEXT NOT NULL,
            function TEXT, file TEXT, line INTEGER, handler_line INTEGER, handshake INTEGER, open INTEGER,
            closing INTEGER, closed INTEGER, unknown INTEGER, tasks INTEGER NOT NULL, groups INTEGER) STRICT;
        CREATE TABLE census_instances (
            id INTEGER PRIMARY KEY, census INTEGER NOT NULL REFERENCES connection_censuses, instance INTEGER NOT NULL,
            consumer TEXT NOT NULL, socket TEXT NOT NULL, path TEXT, last_message TEXT, first_disconnect INTEGER,
            dispatching INTEGER, progress INTEGER, disconnects INTEGER, closed_at_ns INTEGER, tasks INTEGER NOT NULL,
            groups INTEGER, waiting_in INTEGER REFERENCES frames, channel TEXT) STRICT;
        CREATE TABLE task_censuses (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, grade TEXT NOT NULL) STRICT;
        CREATE TABLE task_groups (
            id INTEGER PRIMARY KEY, census INTEGER NOT NULL REFERENCES task_censuses, name TEXT NOT NULL,
            consumer TEXT, state TEXT NOT NULL, waits_for TEXT, stack INTEGER NOT NULL REFERENCES stacks,
            count INTEGER NOT NULL, example TEXT) STRICT;
        CREATE TABLE type_censuses (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL) STRICT;
        CREATE TABLE type_counts (
            id INTEGER PRIMARY KEY, census INTEGER NOT NULL REFERENCES type_censuses, type TEXT NOT NULL,
            count INTEGER NOT NULL) STRICT;

        CREATE TABLE process_samples (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, parent INTEGER,
            name TEXT NOT NULL, cpu_ns INTEGER NOT NULL, age_ns INTEGER NOT NULL, resident_bytes INTEGER NOT NULL,
            descriptors INTEGER, descriptor_limit INTEGER) STRICT;
        CREATE TABLE process_sockets (
            id INTEGER PRIMARY KEY, sample INTEGER NOT NULL REFERENCES process_samples, state TEXT NOT NULL,
            count INTEGER NOT NULL) STRICT;
        CREATE TABLE process_threads (
            id INTEGER PRIMARY KEY, sample INTEGER NOT NULL REFERENCES process_samples, tid INTEGER NOT NULL,
            name TEXT NOT NULL, cpu_ns INTEGER NOT NULL, run_queue_wait_ns INTEGER, voluntary_switches INTEGER,
            involuntary_switches INTEGER, state TEXT NOT NULL) STRICT;

        CREATE TABLE layer_events (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, kind TEXT NOT NULL,
            layer TEXT NOT NULL, group_name TEXT, count INTEGER NOT NULL) STRICT;
        CREATE TABLE bridge_events (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, pid INTEGER NOT NULL, kind TEXT NOT NULL,
            site INTEGER REFERENCES frames, count INTEGER NOT NULL) STRICT;
        CREATE TABLE client_events (
            id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, client INTEGER NOT NULL, phase TEXT NOT NULL,
            kind TEXT NOT NULL, code INTEGER, latency_ns INTEGER, count INTEGER NOT NULL) STRICT;
        """
}
