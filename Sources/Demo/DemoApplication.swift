public import ConsumerRuntime

/// The routes of the demo and of the test server.
public enum DemoApplication {
    /// Sick consumers and their clean twins, each under a path of its own.
    public static func make(layer: InMemoryChannelLayer? = nil) -> any ASGIApplication {
        ProtocolTypeRouter([
            .http: URLRouter([
                .init("", PageConsumer.application()),
                .init("upload/", UploadConsumer.application()),
                .init("events/", EventsConsumer.application()),
                .init("export/", ExportConsumer.application()),
                .init("fixed-export/", FixedExportConsumer.application()),
            ]),
            .websocket: URLRouter([
                .init("ws/chat/<room>/", ChatConsumer.application(layer: layer)),
                .init("ws/fixed-chat/<room>/", FixedChatConsumer.application(layer: layer)),
                .init("ws/echo/", EchoConsumer.application()),
                .init("ws/sync-echo/", SyncEchoConsumer.application()),
                .init("ws/thumbnail/", ThumbnailConsumer.application()),
                .init("ws/offloaded-thumbnail/", OffloadedThumbnailConsumer.application()),
                .init("ws/no-stop/", PresenceConsumer.application()),
                .init("ws/stop/", FixedPresenceConsumer.application()),
                .init("ws/undecided/", UndecidedConsumer.application()),
                .init("ws/ticker/", TickerConsumer.application()),
                .init("ws/fixed-ticker/", FixedTickerConsumer.application()),
                .init("ws/forgetful/<room>/", ForgetfulConsumer.application(layer: layer)),
                .init("ws/fixed-forgetful/<room>/", FixedForgetfulConsumer.application(layer: layer)),
                .init("ws/reckless/<room>/", RecklessConsumer.application(layer: layer)),
                .init("ws/fixed-reckless/<room>/", FixedRecklessConsumer.application(layer: layer)),
                .init("ws/slow-goodbye/", SlowGoodbyeConsumer.application()),
                .init("ws/careful/", CarefulConsumer.application()),
            ]),
        ])
    }
}
