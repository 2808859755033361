package import TLS

/// How a client behaves; fixed for its life.
package struct HTTPClientSettings: Sendable {
    /// Which authorities https servers are believed by.
    package enum Authorities: Sendable {
        /// Those that the system keeps for the public web.
        case system
        /// Those in a PEM file.
        case file(String)
        case store(TrustStore)
    }

    /// A floor under the speed of a transfer: so many bytes in every span of this length, or it is given up.
    package struct MinimumRate: Sendable {
        package var bytes: Int64
        package var span: Duration

        package init(bytes: Int64, span: Duration) {
            self.bytes = bytes
            self.span = span
        }
    }

    package var authorities = Authorities.system
    /// For each connection, TLS included.
    package var connectTimeout: Duration = .seconds(15)
    /// The longest silence while a response is awaited or read.
    package var readTimeout: Duration = .seconds(30)
    /// For a whole exchange, redirects and body included; nil where only the rate matters.
    package var deadline: Duration? = .seconds(120)
    /// 1 KiB/s averaged over a minute by default; nil for none.
    package var minimumRate: MinimumRate? = MinimumRate(bytes: 60 << 10, span: .seconds(60))
    package var maximumRedirects = 3
    package var userAgent = "axle"
    /// Which addresses may be connected to, judged after a name was resolved.
    package var addresses = AddressPolicy.anywhere
    /// Which addresses a redirect to another host or port may lead to, as well as `addresses`: who
    /// was asked may not send this machine to its neighbours, even where the user may name any of
    /// them.
    package var redirects = AddressPolicy.anywhere
    package var proxies = ProxySettings.none
    /// What servers are told about who asks, over https only.
    package var credentials = ServerCredentials.none
    /// Asked about twice a second; true ends the exchange with `cancelled`.
    package var isCancelled: @Sendable () -> Bool = { false }

    package init() {}
}
