internal import Protocol

/// The link to the spoke, and the report that the spoke is being asked to store.
struct Uplink {
    /// The open link; nil without one.
    private(set) var link: LinkID?
    private var lastRequest: UInt64 = 0
    private var asked: (request: RequestID, report: ReportNumber)?

    var isOpen: Bool { link != nil }
    /// Whether a report is under way.
    var isAsking: Bool { asked != nil }

    /// Takes a new link; gives the old one that it replaces.
    mutating func open(_ opened: LinkID) -> LinkID? {
        defer { (link, asked) = (opened, nil) }
        return link == opened ? nil : link
    }

    /// The link is closed; what was asked on it is not answered any more.
    mutating func close(_ closed: LinkID) {
        guard closed == link else { return }
        (link, asked) = (nil, nil)
    }

    /// Begins a request about a report; nil without a link.
    mutating func ask(about report: ReportNumber) -> (link: LinkID, request: RequestID)? {
        guard let link else { return nil }
        lastRequest += 1
        asked = (RequestID(lastRequest), report)
        return (link, RequestID(lastRequest))
    }

    /// Ends a request: gives the report that it was about; nil if it is not under way.
    mutating func take(_ request: RequestID, on link: LinkID) -> ReportNumber? {
        guard link == self.link, let asked, asked.request == request else { return nil }
        self.asked = nil
        return asked.report
    }
}
