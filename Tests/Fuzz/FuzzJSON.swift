// Strict JSON: any bytes give an error or a value; what is written from the value reads back as the same, and a text that
// counts as canonical is its own canonical form.

@Sendable func fuzzJSON(_ input: [UInt8]) {
    let limits = JSONLimits(bytes: 1 << 16, items: 1 << 12)
    guard let document = try? JSONParser.document(input, limits: limits) else {
        precondition(
            (try? JSONParser.document(input, limits: limits, leaving: "a")) == nil, "believed when it is left unread")
        return
    }
    let canonical = document.value.canonicalForm
    // What is left unread is the same value in every respect.
    guard let unread = try? JSONParser.document(input, limits: limits, leaving: "a") else {
        preconditionFailure("refused when it is left unread")
    }
    precondition(unread.value == document.value && unread.isCanonical == document.isCanonical, "unread and read differ")
    precondition(unread.value.canonicalForm == canonical, "the canonical forms of unread and read differ")
    precondition(unread.value.text() == document.value.text(), "the texts of unread and read differ")
    precondition((canonical == input) == document.isCanonical, "canonical or not: the two disagree")
    let wide = JSONLimits(bytes: 1 << 20, items: 1 << 12)
    for indented in [false, true] {
        let again = try? JSONParser.parse(document.value.text(indented: indented), limits: wide)
        precondition(again == document.value, "a value does not come back")
    }
    for member in document.value.asObject?.members ?? [] {
        precondition(document.canonicalForm(ofMember: member.name) == member.value.canonicalForm, "a member differs")
        precondition(document.value.asObject?[member.name] == member.value, "a member is not found")
    }
}
