import Analysis

extension BridgeLoad {
    /// `5.0`, or `3.1 or more` where requests are not counted.
    var perRequestText: String {
        if let perRequest { return perRequest.fixed(1) }
        return leastPerRequest.map { "\($0.fixed(1)) or more" } ?? "-"
    }

    /// `200`, or `199 or fewer` where requests are not counted.
    var requestsText: String {
        if let requestsPerSecond { return requestsPerSecond.fixed(0) }
        return mostRequestsPerSecond.map { "\($0.fixed(0)) or fewer" } ?? "-"
    }

    /// What one context for all calls of a request would save: `640 loops/s, 14 % CPU`.
    var savingText: String {
        guard saving.loopsPerSecond >= 0.5 else { return "nothing" }
        return "\(savingQualifier)\(saving.loopsPerSecond.fixed(0)) loops/s, \(saving.cpuPercent.fixed(0)) % CPU"
    }
}
