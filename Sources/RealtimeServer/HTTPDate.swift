/// Dates as HTTP writes them (RFC 9110 §5.6.7), without a formatter.
enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// `Mon, 30 Nov 2026 00:00:00 GMT`, of seconds since 1970.
    static func text(_ seconds: Int) -> String {
        let day = seconds / 86_400
        let time = seconds % 86_400
        // Days to a date in a calendar whose years begin in March, so that the leap day comes last.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = (part + 2) % 12
        let year = era * 400 + yearOfEra + (month < 2 ? 1 : 0)
        return "\(days[day % 7]), \(padded(dayOfYear - (153 * part + 2) / 5 + 1)) \(months[month]) \(year) "
            + "\(padded(time / 3_600)):\(padded(time / 60 % 60)):\(padded(time % 60)) GMT"
    }

    private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
