internal import Network
internal import Protocol

/// Files of metadata that the peer asks for. One at a time is read and sent, so that a peer that asks for
/// many and reads none makes this side hold one; the others wait as names.
extension SessionConnection {
    struct FileRequest: Sendable {
        let request: RequestID
        let name: String
        let read: @Sendable () async throws -> [UInt8]?
    }

    func sendFile(_ file: FileRequest) {
        filesWaiting.append(file)
        sendNextFile()
    }

    /// The peer does not want the file any more.
    func forgetFile(_ stream: StreamID) {
        filesWaiting.removeAll { $0.request.number == UInt64(stream.number) }
    }

    private func sendNextFile() {
        guard !isSendingFile, !filesWaiting.isEmpty else { return }
        let file = filesWaiting.removeFirst()
        isSendingFile = true
        Task {
            let answer: Result<[UInt8]?, any Error>
            do { answer = .success(try await file.read()) } catch { answer = .failure(error) }
            loop.execute { self.assumeIsolated { $0.fileWasRead(file, answer) } }
        }
    }

    private func fileWasRead(_ file: FileRequest, _ answer: Result<[UInt8]?, any Error>) {
        switch answer {
        case .success(let bytes?):
            let content = Content(length: UInt64(bytes.count), offset: 0)
            let isSending = sendContent(file.request, content, .bytes(bytes)) { [loop] _ in
                loop.execute { self.assumeIsolated { $0.fileEnded() } }
            }
            if !isSending { fileEnded() }
        case .success(nil):
            reply(file.request, .error(ErrorReply(code: .notFound, text: "\(file.name) is not here")))
            fileEnded()
        case .failure(let error):
            let reply = ErrorReply(code: .internalFault, text: "\(error)", retryAfterSeconds: 30)
            self.reply(file.request, .error(reply))
            fileEnded()
        }
    }

    private func fileEnded() {
        isSendingFile = false
        sendNextFile()
    }
}
