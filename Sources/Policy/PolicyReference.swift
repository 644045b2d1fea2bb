import Observations

/// Servers whose row is known. Written by scripts/measure-policies: do not edit.
public enum PolicyReference {
    /// Measured on CPython 3.12 with Channels 4.3.2 and each server's own settings.
    public static let rows: [PolicyRow] = [
        PolicyRow(
            name: "uvicorn 0.38",
            answers: [
                .ping: .every(.milliseconds(20047)),
                .ghost: .after(.milliseconds(40067), .close(1011)),
                .unaccepted: .after(.milliseconds(10053), .finished),
                .slowHead: .notWithin(.milliseconds(89685)),
                .silence: .notWithin(.milliseconds(89683)),
                .close: .after(.milliseconds(20), .close(1000)),
                .unansweredClose: .after(.milliseconds(14), .finished),
                .message: .limit(taken: 8_388_609, refused: 16_777_216, .close(1009)),
                .claim: .after(.milliseconds(16), .close(1009)),
                .compression: .agreed("permessage-deflate"),
                .idle: .costs(bytes: 36372, connections: 200),
                .shutdown: .exited(.milliseconds(118), codes: [1012, 1012, 1012]),
                .stubbornShutdown: .exited(.milliseconds(110), codes: [1012, 1012, 1012]),
            ]),
        PolicyRow(
            name: "0.38 wsproto",
            answers: [
                .ping: .notWithin(.milliseconds(90757)),
                .ghost: .notWithin(.milliseconds(90682)),
                .unaccepted: .notWithin(.milliseconds(90707)),
                .slowHead: .notWithin(.milliseconds(90707)),
                .silence: .notWithin(.milliseconds(90707)),
                .close: .after(.milliseconds(13), .close(1000)),
                .unansweredClose: .unknown("it closes the socket without a close frame"),
                .message: .takes(16_777_217),
                .claim: .notWithin(.milliseconds(3002)),
                .compression: .agreed("permessage-deflate; client_max_window_bits=15"),
                .idle: .costs(bytes: 25231, connections: 200),
                .shutdown: .exited(.milliseconds(194), codes: [1012, 1012, 1012]),
                .stubbornShutdown: .exited(.milliseconds(212), codes: [1012, 1012, 1012]),
            ]),
        PolicyRow(
            name: "0.38 sansio",
            answers: [
                .ping: .notWithin(.milliseconds(91419)),
                .ghost: .notWithin(.milliseconds(91419)),
                .unaccepted: .notWithin(.milliseconds(91400)),
                .slowHead: .notWithin(.milliseconds(91399)),
                .silence: .notWithin(.milliseconds(91399)),
                .close: .after(.milliseconds(50), .close(1000)),
                .unansweredClose: .after(.milliseconds(0), .finished),
                .message: .limit(taken: 8_388_609, refused: 16_777_216, .close(1009)),
                .claim: .after(.milliseconds(40), .close(1009)),
                .compression: .agreed(
                    "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"),
                .idle: .costs(bytes: 27197, connections: 200),
                .shutdown: .exited(.milliseconds(177), codes: [1012, 1012, 1012]),
                .stubbornShutdown: .exited(.milliseconds(179), codes: [1012, 1012, 1012]),
            ]),
        PolicyRow(
            name: "uvicorn 0.54",
            answers: [
                .ping: .every(.milliseconds(20028)),
                .ghost: .after(.milliseconds(40089), .close(1011)),
                .unaccepted: .notWithin(.milliseconds(90935)),
                .slowHead: .notWithin(.milliseconds(90924)),
                .silence: .notWithin(.milliseconds(90923)),
                .close: .after(.milliseconds(37), .close(1000)),
                .unansweredClose: .after(.milliseconds(1), .finished),
                .message: .limit(taken: 8_388_609, refused: 16_777_216, .close(1009)),
                .claim: .after(.milliseconds(34), .close(1009)),
                .compression: .agreed(
                    "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12"),
                .idle: .costs(bytes: 29491, connections: 200),
                .shutdown: .exited(.milliseconds(110), codes: [1012, 1012, 1012]),
                .stubbornShutdown: .exited(.milliseconds(147), codes: [1012, 1012, 1012]),
            ]),
        PolicyRow(
            name: "daphne 4.2.3",
            answers: [
                .ping: .every(.milliseconds(20021)),
                .ghost: .after(.milliseconds(51294), .reset),
                .unaccepted: .after(.milliseconds(4847), .reset),
                .slowHead: .notWithin(.milliseconds(85148)),
                .silence: .after(.milliseconds(60139), .finished),
                .close: .after(.milliseconds(23), .close(1000)),
                .unansweredClose: .unknown("it closes the socket without a close frame"),
                .message: .limit(taken: 1_048_576, refused: 1_048_577, .reset),
                .claim: .after(.milliseconds(13), .reset),
                .compression: .declined,
                .idle: .costs(bytes: 30147, connections: 200),
                .shutdown: .exited(.milliseconds(1364), codes: [1006, 1006, 1006]),
                .stubbornShutdown: .exited(.milliseconds(992), codes: [1006, 1006, 1006]),
            ]),
        PolicyRow(
            name: "hypercorn 0.18",
            answers: [
                .ping: .notWithin(.milliseconds(73350)),
                .ghost: .notWithin(.milliseconds(73341)),
                .unaccepted: .notWithin(.milliseconds(73405)),
                .slowHead: .after(.milliseconds(5025), .finished),
                .silence: .after(.milliseconds(5024), .finished),
                .close: .after(.milliseconds(20), .close(1000)),
                .unansweredClose: .unknown("it closes the socket without a close frame"),
                .message: .limit(taken: 16_777_216, refused: 16_777_217, .close(1009)),
                .claim: .notWithin(.milliseconds(3000)),
                .compression: .agreed("permessage-deflate; client_max_window_bits=15"),
                .idle: .costs(bytes: 32768, connections: 200),
                .shutdown: .killed(.milliseconds(10004), codes: [1006, 1006, 1006]),
                .stubbornShutdown: .killed(.milliseconds(10000), codes: [1006, 1006, 1006]),
            ]),
    ]
}
