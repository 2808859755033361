import API
import Model
import System

/// `axle log`.
enum LogCommand {
    /// Seconds that one question waits at the hub for new lines.
    private static let waitSeconds = 25

    static func run(_ invocation: CommandInvocation, _ hub: HubConnection, _ printer: Printer) throws {
        var query: [(String, String)] = []
        if let search = invocation.value("search") { query.append(("search", search)) }
        var limit = Int.max
        if let text = invocation.value("limit") {
            guard let number = Int(text), number > 0 else { throw UsageError("--limit is a number, not '\(text)'") }
            limit = number
        }
        let events: [EventResource] = try hub.list(["events"], query: query + [("limit", "500")])
        let shown = events.suffix(limit)
        if printer.isJSON, !invocation.isSet("follow") { return try printer.json(ListPage(items: Array(shown))) }
        for event in shown { try show(event, printer) }
        guard invocation.isSet("follow") else {
            if shown.isEmpty { printer.message("The log has no such lines.") }
            return
        }
        var after = events.last?.sequence ?? 0
        while true {
            let page: ListPage<EventResource> = try hub.get(
                ["events"], query: query + [("after", "\(after)"), ("wait", "\(waitSeconds)")])
            for event in page.items where event.sequence > after {
                after = event.sequence
                try show(event, printer)
            }
            // A hub that does not wait must not be asked in a tight loop.
            if page.items.isEmpty { printer.context.pause(.milliseconds(500)) }
        }
    }

    /// One line an event: time, severity, code, subject, who caused it, text; or one JSON object a line.
    private static func show(_ event: EventResource, _ printer: Printer) throws {
        guard !printer.isJSON else {
            return try printer.json(event, pretty: false)
        }
        let subject = event.subject.isEmpty ? "<none>" : event.subject
        let actor = event.actor?.replacing(" ", with: "_") ?? "<none>"
        printer.line(
            "\(event.time.iso8601) \(event.severity.name) \(event.code) \(subject) \(actor) \(event.text)")
    }
}
