internal import Model
internal import System

/// `axle-hub clock show|reset`: the time below which a hub believes no clock, and the way out where that time is wrong.
enum HubClockCommand {
    static func specification(_ state: OptionSpecification) -> CommandSpecification {
        CommandSpecification(
            "clock", "The time below which the hub believes no clock",
            details: """
                It is the last time at which the hub's clock and a member's agreed. Where both were ahead, a hub whose clock is \
                right again goes on with the wrong time: stop it, and reset. The hub must not run.
                """,
            options: [state],
            commands: [
                CommandSpecification("show", "Show it beside this machine's clock"),
                CommandSpecification("reset", "Forget it, and believe this machine's clock from now on"),
            ])
    }

    static func run(_ invocation: CommandInvocation, _ streams: ProgramStreams) throws -> Int32 {
        // A hub that runs holds the folder.
        let folder = try StateFolder.open(
            try invocation.required("state"), kind: HubState.kind, version: HubState.version, task: "clock")
        let now = UnixTime(milliseconds: SystemClock.nowMilliseconds)
        let store = try SQLiteHubStore(existing: HubState.database(folder.path), now: now)
        let floor = try store.setting(.clockFloor).flatMap { Int64($0) }.map { UnixTime(seconds: $0) }
        if invocation.path.last == "reset" {
            try store.transaction {
                try store.setSetting(.clockFloor, "")
                _ = try store.appendEvent(
                    Event(
                        time: now, severity: .notice, code: .clockWrong,
                        text: "an operator has the hub believe its machine's clock again, which shows \(now)"
                            + (floor.map { "; it believed no time before \($0)" } ?? "")))
            }
            streams.line("the hub believes this machine's clock, which shows \(now)")
            return 0
        }
        streams.line("this machine's clock shows \(now)")
        streams.line(
            floor.map { "no time before \($0) is believed" } ?? "any time is believed: no member has confirmed one yet")
        return 0
    }
}
