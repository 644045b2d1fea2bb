extension Schema {
    /// Version 5: what was swallowed, where it was no `StopConsumer`.
    static let step5 = """
        ALTER TABLE swallowed_stops ADD COLUMN error TEXT;
        """
}
