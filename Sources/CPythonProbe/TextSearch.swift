extension String {
    /// Whether the bytes of `part`, which is not empty, occur in it. `contains` compares characters and prepares a table for
    /// each search: a thousand times the work for a path.
    func holds(_ part: StaticString) -> Bool {
        part.withUTF8Buffer { part in
            var rest = utf8[...]
            while let start = rest.firstIndex(of: part[0]) {
                rest = rest[start...]
                if rest.starts(with: part) { return true }
                rest = rest.dropFirst()
            }
            return false
        }
    }
}
