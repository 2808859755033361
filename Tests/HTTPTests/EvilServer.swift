import Glibc
import System
import TLS
import TestSupport

/// A server of raw sockets that does what a path says, right or wrong, in a child process (Python, so that nothing of
/// what it sends was made by the code under test).
final class EvilServer: Sendable {
    let folder: TemporaryFolder
    let port: Int
    private let child: RunningChild
    let isSecure: Bool

    /// Starts it; with `secure`, it speaks TLS for `localhost`, `vendor.example` and the addresses by an authority in
    /// `authority.pem` of its folder.
    init(secure: Bool = false, addresses: [String] = []) throws {
        isSecure = secure
        folder = try TemporaryFolder()
        if secure { try Self.writeCertificates(folder, addresses) }
        child = try Self.start(["-c", Self.script, folder.path, secure ? "tls" : "plain"])
        port = try Self.port(folder, child)
    }

    deinit {
        _ = child.terminate(grace: .milliseconds(100))
    }

    func url(_ path: String) -> String {
        "\(isSecure ? "https" : "http")://localhost:\(port)\(path)"
    }

    /// How many connections were made so far.
    func connections() throws -> Int {
        try folder.read("connections").count
    }

    static func start(_ arguments: [String], folder: String? = nil) throws -> RunningChild {
        let path = getenv("PATH").map { String(cString: $0) } ?? ChildProcess.searchPath
        var process = ChildProcess("/usr/bin/env", ["python3", "-u"] + arguments, environment: ["PATH": path])
        process.folder = folder
        return try process.start()
    }

    /// Waits for the file `port`, which the child renames into place.
    static func port(_ folder: TemporaryFolder, _ child: RunningChild) throws -> Int {
        for _ in 0..<600 {
            if let text = try? folder.read("port"), let port = Int(String(decoding: text, as: UTF8.self)) {
                return port
            }
            if let status = child.wait(timeout: .milliseconds(50)) {
                throw TestSupportError("the server ended: \(status)")
            }
        }
        _ = child.terminate(grace: .zero)
        throw TestSupportError("the server does not start")
    }

    private static func writeCertificates(_ folder: TemporaryFolder, _ addresses: [String]) throws {
        let dates: ClosedRange<Int64> = 1_600_000_000...4_000_000_000
        let root = try CertificateAuthority.root(name: "Test", dates: dates)
        let other = try CertificateAuthority.root(name: "Other", dates: dates)
        let key = try PrivateKey.generate(.p256)
        let profile = LeafProfile(
            name: "server", dnsNames: ["localhost", "vendor.example"], ipAddresses: addresses, isServer: true,
            dates: dates)
        let leaf = try root.issue(profile, for: key.publicKey)
        try folder.write("authority.pem", root.certificate.pem())
        try folder.write("other.pem", other.certificate.pem())
        try folder.write("server.pem", leaf.pem())
        try key.withPEM { bytes in _ = try folder.write("key.pem", Array(bytes)) }
    }

    static let script = #"""
        import os, socket, ssl, sys, threading, time, urllib.parse
        folder, mode = sys.argv[1:]
        context = None
        if mode == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(folder + "/server.pem", folder + "/key.pem")
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        port = listener.getsockname()[1]
        content = bytes(i % 251 for i in range(1000000))
        open(folder + "/connections", "w").close()

        # The file that changes: /set/N makes another of it.
        version = [1]
        def file():
            return bytes((i * version[0]) % 251 for i in range(1000000)), '"v%d"' % version[0]

        def chunked(data, size):
            out = b""
            for i in range(0, len(data), size):
                part = data[i:i + size]
                out += b"%x\r\n%s\r\n" % (len(part), part)
            return out + b"0\r\n\r\n"

        def answer(c, method, path, headers, body):
            def send(text, data=b""):
                c.sendall(text.replace("\n", "\r\n").encode() + b"\r\n" + data)
            if path == "/ok":
                send("HTTP/1.1 200 OK\nContent-Length: 5\nETag: \"e\"\n", b"hello")
            elif path == "/headers":
                text = "".join(k + "=" + v + "\n" for k, v in sorted(headers.items())).encode()
                send("HTTP/1.1 200 OK\nContent-Length: %d\n" % len(text), text)
            elif path == "/echo":
                data = method.encode() + b" " + body
                send("HTTP/1.1 201 Created\nContent-Length: %d\n" % len(data), data)
            elif path == "/chunked":
                send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n", chunked(content, 65536))
            elif path == "/close":
                send("HTTP/1.0 200 OK\n", content)
                return False
            elif path == "/range" or path == "/cut":
                start = 0
                if "range" in headers:
                    start = int(headers["range"][6:].rstrip("-"))
                    send("HTTP/1.1 206 Partial\nContent-Length: %d\nContent-Range: bytes %d-%d/%d\n"
                         % (len(content) - start, start, len(content) - 1, len(content)))
                else:
                    send("HTTP/1.1 200 OK\nContent-Length: %d\nAccept-Ranges: bytes\n" % len(content))
                if path == "/cut":
                    c.sendall(content[start:start + 300000])
                    return False
                c.sendall(content[start:])
            elif path.startswith("/set/"):
                version[0] = int(path[5:])
                send("HTTP/1.1 200 OK\nContent-Length: 0\n")
            elif path in ("/file", "/file-cut", "/liar", "/weak"):
                # /file honours If-Range, /liar sends a part of whatever it has, /weak has a weak validator only.
                data, tag = file()
                shown = "W/" + tag if path == "/weak" else tag
                same = headers.get("if-range") in (None, tag) or path == "/liar"
                start = int(headers["range"][6:].rstrip("-")) if "range" in headers and same else 0
                if start:
                    send("HTTP/1.1 206 Partial\nContent-Length: %d\nContent-Range: bytes %d-%d/%d\nETag: %s\n"
                         % (len(data) - start, start, len(data) - 1, len(data), shown))
                else:
                    send("HTTP/1.1 200 OK\nContent-Length: %d\nETag: %s\n" % (len(data), shown))
                if path == "/file-cut":
                    c.sendall(data[start:start + 300000])
                    return False
                c.sendall(data[start:])
            elif path == "/huge-header":
                c.sendall(b"HTTP/1.1 200 OK\r\nX-Policy: " + b"x" * 100000 + b"\r\n\r\n")
            elif path == "/big-header":
                send("HTTP/1.1 200 OK\nContent-Length: 5\nContent-Security-Policy: %s\n" % ("x" * 32000), b"hello")
            elif path == "/too-many-headers":
                c.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10000 + b"\r\n")
            elif path == "/many-headers":
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + b"A: b\r\n" * 4000 + b"\r\nhello")
            elif path == "/two-lengths":
                send("HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n", b"hello!")
            elif path == "/negative-length":
                send("HTTP/1.1 200 OK\nContent-Length: -5\n", b"hello")
            elif path == "/more-than-announced":
                send("HTTP/1.1 200 OK\nContent-Length: 5\n", b"hello" + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            elif path == "/huge-chunk":
                send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n", b"7fffffffffffff\r\n" + b"x" * 3000000)
            elif path == "/long-chunk-line":
                send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n", b"5;" + b"x" * 100000 + b"\r\nhello")
            elif path.startswith("/loop-of-two/"):
                send("HTTP/1.1 302 Found\nLocation: /loop-of-two/%d\nContent-Length: 0\n" % (1 - int(path[-1])))
            elif path == "/to-ftp":
                send("HTTP/1.1 302 Found\nLocation: ftp://localhost/x\nContent-Length: 0\n")
            elif path.startswith("/to-two?"):
                send("HTTP/1.1 302 Found\nLocation: %s\nX: y\nlocation: %s\nContent-Length: 0\n" % tuple(path[8:].split(";")))
            elif path.startswith("/to?"):
                send("HTTP/1.1 302 Found\nLocation: %s\nContent-Length: 0\n" % path[4:])
            elif path == "/later-by-date":
                send("HTTP/1.1 503 Later\nDate: Sun, 06 Nov 1994 08:49:37 GMT\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\nContent-Length: 0\n")
            elif path == "/wrong-range":
                send("HTTP/1.1 206 Partial\nContent-Length: 5\nContent-Range: bytes 0-4/5\n", b"hello")
            elif path == "/no-range":
                send("HTTP/1.1 206 Partial\nContent-Length: 5\n", b"hello")
            elif path == "/long-range":
                send("HTTP/1.1 206 Partial\nContent-Length: 999999\nContent-Range: bytes 1-999999/1000000\n", content[1:])
            elif path.startswith("/coded?"):
                send("HTTP/1.1 200 OK\nContent-Encoding: %s\nContent-Length: 5\n" % urllib.parse.unquote(path[7:]), b"hello")
            elif path == "/404":
                send("HTTP/1.1 404 Not Found\nContent-Length: 50000\n", b"x" * 50000)
            elif path == "/503":
                send("HTTP/1.1 503 Later\nRetry-After: 17\nContent-Length: 0\n")
            elif path == "/304":
                send("HTTP/1.1 304 Not Modified\nETag: \"e\"\n")
            elif path == "/silent":
                time.sleep(30)
            elif path == "/slow-head":
                for byte in b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 40:
                    c.sendall(bytes([byte])); time.sleep(0.05)
            elif path == "/slow":
                send("HTTP/1.1 200 OK\nContent-Length: 1000\n")
                for i in range(1000):
                    c.sendall(b"x"); time.sleep(0.05)
            elif path == "/stall":
                send("HTTP/1.1 200 OK\nContent-Length: 1000\n", b"x" * 10)
                time.sleep(30)
            elif path == "/endless":
                send("HTTP/1.1 200 OK\n")
                while True: c.sendall(b"x" * 65536)
            elif path == "/endless-chunks":
                send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n")
                while True: c.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            elif path == "/endless-headers":
                send("HTTP/1.1 200 OK")
                while True: c.sendall(b"A: b\r\n" * 1000)
            elif path == "/endless-interim":
                while True: c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            elif path == "/truncated":
                send("HTTP/1.1 200 OK\nContent-Length: 1000\n", b"x" * 500)
                return False
            elif path == "/truncated-chunks":
                send("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n", b"5\r\nabcde\r\n5\r\nab")
                return False
            elif path == "/smuggle":
                send("HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n", b"0\r\n\r\n")
            elif path == "/garbage":
                c.sendall(os.urandom(100) + b"\r\n\r\n")
                return False
            elif path == "/nothing":
                return False
            elif path == "/loop":
                send("HTTP/1.1 302 Found\nLocation: /loop\nContent-Length: 0\n")
            elif path.startswith("/hop/"):
                n = int(path[5:])
                where = "/hop/%d" % (n - 1) if n > 0 else "/ok"
                send("HTTP/1.1 307 Hop\nLocation: %s\nContent-Length: 0\n" % where)
            elif path == "/to-file":
                send("HTTP/1.1 302 Found\nLocation: file:///etc/passwd\nContent-Length: 0\n")
            elif path == "/to-http":
                send("HTTP/1.1 302 Found\nLocation: http://localhost:%d/ok\nContent-Length: 0\n" % port)
            elif path == "/to-other":
                send("HTTP/1.1 302 Found\nLocation: http://127.0.0.1:%d/headers\nContent-Length: 0\n" % port)
            elif path == "/ok-then-close":
                send("HTTP/1.1 200 OK\nContent-Length: 5\n", b"hello")
                return False
            else:
                send("HTTP/1.1 404 Not Found\nContent-Length: 0\n")
            return True

        def serve(c):
            try:
                if context: c = context.wrap_socket(c, server_side=True)
                reader = c.makefile("rb")
                while True:
                    line = reader.readline().split()
                    if len(line) != 3: return
                    headers = {}
                    while True:
                        text = reader.readline().strip()
                        if not text: break
                        name, value = text.split(b":", 1)
                        headers[name.decode().lower()] = value.strip().decode()
                    body = reader.read(int(headers.get("content-length", 0)))
                    if not answer(c, line[0].decode(), line[1].decode(), headers, body): break
            except (OSError, ssl.SSLError):
                pass
            finally:
                try: c.shutdown(socket.SHUT_RDWR)
                except OSError: pass
                c.close()

        def watch(parent):
            # A server that outlives the tests would hold their output open.
            while os.getppid() == parent: time.sleep(0.2)
            os._exit(0)
        threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()
        open(folder + "/port.new", "w").write(str(port))
        os.rename(folder + "/port.new", folder + "/port")
        while True:
            c, _ = listener.accept()
            open(folder + "/connections", "a").write("x")
            threading.Thread(target=serve, args=(c,), daemon=True).start()
        """#
}
