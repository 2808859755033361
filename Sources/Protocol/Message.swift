package import Codec

/// One struct per message: its number and name, its fields, and how they are read and written.
package protocol MessageBody: Equatable, Sendable {
    /// The message's type on the wire; stable.
    static var number: UInt64 { get }
    /// The message's name in axle.cddl and docs/protocol.md.
    static var name: String { get }
    /// Reads the fields; those that are not known are skipped.
    init(_ fields: MessageFields) throws(MessageError)
    /// The fields to be written, without the type.
    var cbor: [CBORPair] { get }
}

/// A control message of `axle/1`: a deterministic CBOR map whose key 0 is the type.
package enum Message: Equatable, Sendable {
    /// 1
    case error(ErrorReply)
    /// 2
    case ok(OK)
    /// 10
    case fetchMetadata(FetchMetadata)
    /// 11
    case content(Content)
    /// 12
    case fetchPackage(FetchPackage)
    /// 20
    case order(OrderMessage)
    /// 21
    case report(ReportMessage)
    /// 29
    case revocations(Revocations)
    /// 22
    case replicate(Replicate)
    /// 23
    case replica(Replica)
    /// 24
    case catalogChanged(CatalogChanged)
    /// 25
    case presence(Presence)
    /// 26
    case poolStatus(PoolStatus)
    /// 27
    case setQuota(SetQuota)
    /// 28
    case event(EventMessage)
    /// 30
    case joinBegin(JoinBegin)
    /// 31
    case joinChallenge(JoinChallenge)
    /// 32
    case joinRequest(JoinRequest)
    /// 33
    case joinAnswer(JoinAnswer)
    /// 34
    case renew(Renew)
    /// 35
    case renewed(Renewed)
    /// 36
    case anchors(Anchors)
    /// 37
    case fetchPlan(FetchPlan)
    /// 38
    case plan(Plan)
    /// 39
    case setLimit(SetLimit)
    /// 40
    case evict(Evict)
    /// 41
    case setAccess(SetAccess)
    /// 42
    case checkPool(CheckPool)
    /// 43
    case poolChecked(PoolChecked)
    /// 48
    case shares(Shares)
    /// 49
    case completedReleases(CompletedReleases)

    /// The message's struct.
    package var body: any MessageBody {
        switch self {
        case .error(let body): body
        case .ok(let body): body
        case .fetchMetadata(let body): body
        case .content(let body): body
        case .fetchPackage(let body): body
        case .order(let body): body
        case .report(let body): body
        case .revocations(let body): body
        case .replicate(let body): body
        case .replica(let body): body
        case .catalogChanged(let body): body
        case .presence(let body): body
        case .poolStatus(let body): body
        case .setQuota(let body): body
        case .event(let body): body
        case .joinBegin(let body): body
        case .joinChallenge(let body): body
        case .joinRequest(let body): body
        case .joinAnswer(let body): body
        case .renew(let body): body
        case .renewed(let body): body
        case .anchors(let body): body
        case .fetchPlan(let body): body
        case .plan(let body): body
        case .setLimit(let body): body
        case .evict(let body): body
        case .setAccess(let body): body
        case .checkPool(let body): body
        case .poolChecked(let body): body
        case .shares(let body): body
        case .completedReleases(let body): body
        }
    }

    /// The message's type on the wire.
    package var number: UInt64 { type(of: body).number }
    /// The message's name.
    package var name: String { type(of: body).name }

    /// The whole message.
    package var cbor: CBOR {
        .map([CBORPair(.unsigned(0), .unsigned(number))] + body.cbor)
    }

    /// The payload of a message frame.
    package func encoded() -> [UInt8] {
        CBOREncoder.encode(cbor)
    }

    /// Reads the payload of a message frame.
    package init(decoding payload: [UInt8]) throws(MessageError) {
        try self.init(payload.span)
    }

    /// Reads the payload of a message frame.
    package init(_ payload: Span<UInt8>) throws(MessageError) {
        let item: CBOR
        do {
            item = try CBORDecoder(limits: ProtocolLimits.cbor).decode(payload)
        } catch {
            throw .malformed("message: \(error)")
        }
        guard let pairs = item.asMap, let number = item[0]?.asUnsigned else {
            throw .malformed("message: no map with a type under key 0")
        }
        try self.init(number: number, pairs)
    }

    private init(number: UInt64, _ pairs: [CBORPair]) throws(MessageError) {
        func read<Body: MessageBody>(_: Body.Type) throws(MessageError) -> Body {
            try Body(MessageFields(pairs, of: Body.name))
        }
        switch number {
        case ErrorReply.number: self = .error(try read(ErrorReply.self))
        case OK.number: self = .ok(try read(OK.self))
        case FetchMetadata.number: self = .fetchMetadata(try read(FetchMetadata.self))
        case Content.number: self = .content(try read(Content.self))
        case FetchPackage.number: self = .fetchPackage(try read(FetchPackage.self))
        case OrderMessage.number: self = .order(try read(OrderMessage.self))
        case ReportMessage.number: self = .report(try read(ReportMessage.self))
        case Revocations.number: self = .revocations(try read(Revocations.self))
        case Replicate.number: self = .replicate(try read(Replicate.self))
        case Replica.number: self = .replica(try read(Replica.self))
        case CatalogChanged.number: self = .catalogChanged(try read(CatalogChanged.self))
        case Presence.number: self = .presence(try read(Presence.self))
        case PoolStatus.number: self = .poolStatus(try read(PoolStatus.self))
        case SetQuota.number: self = .setQuota(try read(SetQuota.self))
        case EventMessage.number: self = .event(try read(EventMessage.self))
        case JoinBegin.number: self = .joinBegin(try read(JoinBegin.self))
        case JoinChallenge.number: self = .joinChallenge(try read(JoinChallenge.self))
        case JoinRequest.number: self = .joinRequest(try read(JoinRequest.self))
        case JoinAnswer.number: self = .joinAnswer(try read(JoinAnswer.self))
        case Renew.number: self = .renew(try read(Renew.self))
        case Renewed.number: self = .renewed(try read(Renewed.self))
        case Anchors.number: self = .anchors(try read(Anchors.self))
        case FetchPlan.number: self = .fetchPlan(try read(FetchPlan.self))
        case Plan.number: self = .plan(try read(Plan.self))
        case SetLimit.number: self = .setLimit(try read(SetLimit.self))
        case Evict.number: self = .evict(try read(Evict.self))
        case SetAccess.number: self = .setAccess(try read(SetAccess.self))
        case CheckPool.number: self = .checkPool(try read(CheckPool.self))
        case PoolChecked.number: self = .poolChecked(try read(PoolChecked.self))
        case Shares.number: self = .shares(try read(Shares.self))
        case CompletedReleases.number: self = .completedReleases(try read(CompletedReleases.self))
        default: throw .unsupported("message type \(number)")
        }
    }
}
