import Testing

@testable import ConsumerRuntime

@Suite("Path patterns") struct RoutingTests {
    @Test(
        "a pattern matches what Django's path() would",
        arguments: [
            ("ws/chat/<room>/", "ws/chat/lobby/", ["room": "lobby"]), ("ws/chat/<room>/", "ws/chat/a/b/", nil),
            ("ws/chat/<room>/", "ws/chat//", nil), ("ws/chat/<room>/", "ws/chat/lobby", nil), ("", "", [:]),
            ("item/<int:id>/", "item/42/", ["id": "42"]), ("item/<int:id>/", "item/x/", nil),
            ("<slug:a>-<int:b>", "x_y-7", ["a": "x_y", "b": "7"]),
            ("files/<path:rest>", "files/a/b.txt", ["rest": "a/b.txt"]),
            ("<str:a>.<str:b>/", "x.y/", ["a": "x", "b": "y"]), ("größe/<x>/", "größe/€/", ["x": "€"]),
        ] as [(String, String, [String: String]?)])
    func patterns(pattern: String, path: String, parameters: [String: String]?) {
        #expect(PathPattern(pattern).match(path[...], isPrefix: false)?.parameters == parameters)
    }

    @Test("only a nested router's pattern may match a prefix")
    func prefixes() {
        #expect(PathPattern("ws/").match("ws/chat/", isPrefix: false) == nil)
        #expect(PathPattern("ws/").match("ws/chat/", isPrefix: true)?.rest == "chat/")
    }

    @Test("every message has the specification's name")
    func names() {
        let messages: [(Message, String)] = [
            (.websocketConnect, "websocket.connect"), (.websocketReceive(.text("")), "websocket.receive"),
            (.websocketDisconnect(code: 1000, reason: nil), "websocket.disconnect"),
            (.websocketAccept(), "websocket.accept"), (.websocketSend(.bytes([])), "websocket.send"),
            (.websocketClose(), "websocket.close"), (.httpRequest(body: [], more: false), "http.request"),
            (.httpDisconnect, "http.disconnect"), (.httpResponseStart(status: 200), "http.response.start"),
            (.httpResponseBody([]), "http.response.body"), (.layer(LayerMessage(type: "chat.message")), "chat.message"),
        ]
        for (message, name) in messages { #expect(message.type == name) }
    }
}
