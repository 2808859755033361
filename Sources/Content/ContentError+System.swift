internal import System

extension ContentError {
    init(_ error: SystemError) {
        self.init(error.isFull ? .full : .failed, "\(error)")
    }
}
