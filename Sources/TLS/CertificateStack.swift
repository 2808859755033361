import COpenSSL

/// An owned `STACK_OF(X509)`, which borrows its certificates: keep them alive as long.
final class CertificateStack {
    let pointer: OpaquePointer

    init(_ certificates: [Certificate]) throws(TLSError) {
        let made = try ErrorQueue.require(.library, "no memory for certificates") { axle_certificates_new() }
        pointer = made
        for certificate in certificates {
            try ErrorQueue.check(.library, "no memory for certificates") {
                axle_certificates_push(made, certificate.pointer)
            }
        }
    }

    deinit { axle_certificates_free(pointer) }

    /// The certificates of a stack that OpenSSL owns.
    static func copy(_ stack: OpaquePointer?) throws(TLSError) -> [Certificate] {
        guard let stack else { return [] }
        var all: [Certificate] = []
        for index in 0..<max(0, axle_certificates_count(stack)) {
            guard let certificate = axle_certificates_get(stack, index) else { continue }
            all.append(try Certificate.retaining(certificate))
        }
        return all
    }
}
