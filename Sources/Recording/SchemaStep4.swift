extension Schema {
    /// Version 4: why a line of source is not shown, and dispatches counted for a moment.
    static let step4 = """
        ALTER TABLE source_excerpts ADD COLUMN absence TEXT;
        ALTER TABLE census_consumers ADD COLUMN dispatches INTEGER;
        ALTER TABLE census_consumers ADD COLUMN dispatch_ns INTEGER;
        ALTER TABLE census_consumers ADD COLUMN dispatchers INTEGER;
        """
}
