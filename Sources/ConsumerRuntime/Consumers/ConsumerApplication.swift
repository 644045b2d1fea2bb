import Instruments

/// Serves each connection with an instance of a consumer class (channels/consumer.py `AsyncConsumer.__call__`).
struct ConsumerApplication: ASGIApplication {
    let consumer: AsyncConsumer.Type
    let layer: (any ChannelLayer)?

    /// The tasks that Channels keeps for each consumer; one mailbox stands for the two that receive.
    static let tasks = ["application", "receive", "layer.receive"]

    func callAsFunction(_ scope: Scope, _ receive: Receive, _ send: Send) async throws {
        let mailbox = receive.mailbox
        let executor = mailbox.executor
        let channel = layer?.openChannel(for: mailbox)
        mailbox.channel = channel
        executor.meter?.instanceStarted(
            String(reflecting: consumer), type: consumer, route: scope.urlRoute?.pattern, channel: channel?.name,
            tasks: channel == nil ? ["application", "receive"] : Self.tasks)
        let context = ConsumerContext(
            scope: scope, channelLayer: layer, channelName: channel?.name, sendToServer: send, executor: executor)
        let instance = consumer.init(context)
        do {
            try await awaitManyDispatch(mailbox) { message in try await instance.dispatch(message) }
        } catch is StopConsumer {
            executor.meter?.instanceStopped()
        }
    }
}
