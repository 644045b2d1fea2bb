import Instruments

/// Serves each connection with an instance of a consumer class (channels/consumer.py `AsyncConsumer.__call__`).
struct ConsumerApplication: ASGIApplication {
    let consumer: AsyncConsumer.Type
    let layer: (any ChannelLayer)?

    /// The tasks that Channels keeps for each consumer; one mailbox stands for the two that receive.
    private static let tasks = ["application", "receive"]
    private static let tasksWithLayer = tasks + ["layer.receive"]

    func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws {
        let mailbox = receive.mailbox
        let instance = makeInstance(scope, mailbox, send)
        do {
            try await awaitManyDispatch(mailbox, instance)
        } catch is StopConsumer {
            mailbox.executor.meter?.instanceStopped()
        }
    }

    private func makeInstance(_ scope: Scope, _ mailbox: Mailbox, _ send: Send) -> AsyncConsumer {
        let executor = mailbox.executor
        let channel = layer?.openChannel(for: mailbox)
        mailbox.channel = channel
        executor.meter?.instanceStarted(
            String(reflecting: consumer), type: consumer, route: scope.urlRoute?.pattern, channel: channel?.name,
            tasks: channel == nil ? Self.tasks : Self.tasksWithLayer)
        return consumer.init(
            ConsumerContext(
                scope: scope, channelLayer: layer, channelName: channel?.name, sendToServer: send, executor: executor))
    }
}
