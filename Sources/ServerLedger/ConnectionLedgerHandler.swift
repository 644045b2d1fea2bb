import Instruments
import NIOCore
import Observations

/// Enters one connection into the ledger: opened when its channel is active, closed when it is not, ended when its
/// handlers are gone.
///
/// On its channel's loop only, but for its making; `@unchecked Sendable` for that.
final class ConnectionLedgerHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = NIOAny

    private let name: String
    private let loops: [ObjectIdentifier: LoopInstrument]
    private var meter: InstanceMeter?

    init(name: String, loops: [ObjectIdentifier: LoopInstrument]) {
        self.name = name
        self.loops = loops
    }

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { open(context) } }

    func channelActive(context: ChannelHandlerContext) {
        open(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        meter?.connectionClosed(code: nil)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        meter?.connectionClosed(code: nil)
        meter?.instanceEnded(.returned)
        meter = nil
    }

    /// A connection of a loop that the service does not know is not counted.
    private func open(_ context: ChannelHandlerContext) {
        guard meter == nil, let loop = loops[ObjectIdentifier(context.eventLoop)] else { return }
        let meter = loop.connectionOpened(path: name, hasHandshake: false)
        meter.instanceStarted(name, type: nil, route: nil, tasks: [])
        self.meter = meter
    }
}
