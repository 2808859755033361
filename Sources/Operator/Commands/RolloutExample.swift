/// What `axle rollout create --example` prints: a rollout file with every setting.
enum RolloutExample {
    static let text = """
        {
          // A name that no other rollout has: letters, digits, '.', '_' and '-'.
          name: "ruff-0.12.1",
          product: "ruff",
          release: "0.12.1",

          // Whom it is for: { all: true }, or those who meet each criterion that is given.
          select: {
            // names: ["db-17", "db-18"],
            labels: { ring: "canary" },
            spokes: ["north"],
          },

          // Nothing is ordered before; at once without.
          // start: "2027-01-15T08:00:00Z",

          // When installs may run; at any time without. Once: { start: TIME, end: TIME }.
          window: { from: "22:00", to: "05:00", days: ["mon", "tue", "wed", "thu"], timeZone: "Europe/Berlin" },

          // How long before a window downloads begin, in minutes (60).
          leadMinutes: 120,

          // Whether machines may be restarted: "allowed" (default) or "never".
          restart: "never",

          // Whether nothing is ordered before an operator has signed with 'axle rollout sign' (false).
          operatorSignature: false,

          // How many clients may end badly before it pauses: the first without, [] any number.
          // Classes are failed, rolledBack, rollbackFailed, refused and silent.
          errors: [
            { of: ["failed", "rolledBack", "rollbackFailed"], percent: 10, minimum: 5 },
            { of: ["silent"], count: 20 },
          ],
        }

        """
}
