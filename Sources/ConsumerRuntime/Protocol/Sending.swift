// What is sent goes out on the executor of who sends it: an asynchronous function that looks for its own executor first
// (SE-0338) does so at 300 instructions, and a `send` that need not wait has no other. `sendNow` knows the loop, and what it does
// not take there goes the usual way. Compilers before 6.2 do not know how to say it (SE-0461) and look.

#if compiler(>=6.2)
    extension Send {
        /// Sends a message.
        ///
        /// - Throws: `ProtocolMisuse` when the message does not fit the connection's state.
        public nonisolated(nonsending) func callAsFunction(_ message: Message) async throws {
            let progress = try sendNow(message)
            if progress == .sent { return }
            try await finish(message, progress)
        }
    }

    extension AsyncConsumer {
        /// Gives a message to the server.
        public nonisolated(nonsending) final func send(_ message: Message) async throws {
            try await context.sendToServer(message)
        }
    }

    extension WebSocketConsumer {
        /// Sends text to the client.
        public nonisolated(nonsending) final func send(text: String) async throws {
            try await send(.websocketSend(.text(text)))
        }
        /// Sends bytes to the client.
        public nonisolated(nonsending) final func send(bytes: [UInt8]) async throws {
            try await send(.websocketSend(.bytes(bytes)))
        }
    }
#else
    extension Send {
        /// Sends a message.
        ///
        /// - Throws: `ProtocolMisuse` when the message does not fit the connection's state.
        public func callAsFunction(_ message: Message) async throws {
            let progress = try sendNow(message)
            if progress == .sent { return }
            try await finish(message, progress)
        }
    }

    extension AsyncConsumer {
        /// Gives a message to the server.
        public final func send(_ message: Message) async throws { try await context.sendToServer(message) }
    }

    extension WebSocketConsumer {
        /// Sends text to the client.
        public final func send(text: String) async throws { try await send(.websocketSend(.text(text))) }
        /// Sends bytes to the client.
        public final func send(bytes: [UInt8]) async throws { try await send(.websocketSend(.bytes(bytes))) }
    }
#endif

extension Send {
    @inline(__always)
    fileprivate func sendNow(_ message: Message) throws -> SendProgress {
        guard let sink else { return .isElsewhere }
        return try sink.sendNow(message)
    }

    fileprivate func finish(_ message: Message, _ progress: SendProgress) async throws {
        switch progress {
        case .sent: break
        case .isFull: await sink?.waitForRoom()
        case .isElsewhere: try await body(message)
        }
    }
}
