import CPythonLayouts
import Observations
import TargetMemory

/// Which channels somebody still receives from.
struct LiveChannels {
    /// The name objects: a group holds the very object that its member was given.
    private var objects: Set<RemoteAddress> = []
    private var names: Set<String> = []

    mutating func insert(_ object: RemoteAddress, _ name: String) {
        objects.insert(object)
        names.insert(name)
    }

    /// Whether a channel of one connection has no receiver any more. Other channels (a worker's) may have theirs anywhere.
    func isStale(_ channel: RemoteAddress, _ reader: ObjectReader) throws(RemoteReadError) -> Bool {
        if objects.contains(channel) { return false }
        guard let name = try reader.string(channel, limit: 256), name.contains("!") else { return false }
        return !names.contains(name)
    }
}

extension ObjectReader {
    /// Most layers, groups and memberships that are read.
    private static let (layerLimit, memberLimit) = (16, 65_536)

    /// The channel layers that were made: `channels.layers.channel_layers.backends`.
    ///
    /// The groups of `InMemoryChannelLayer` are `{group: {channel: time of joining}}`. Other layers keep them elsewhere.
    func layers(
        interpreter: RemoteAddress, _ live: LiveChannels
    ) throws(RemoteReadError) -> [LayerCensus] {
        guard let module = try module("channels.layers", interpreter: interpreter),
            let manager = try value("channel_layers", in: module),
            let backends = try attribute("backends", of: manager)
        else { return [] }
        var layers: [LayerCensus] = []
        for entry in try dict(backends, limit: Self.layerLimit) ?? [] {
            guard let alias = try string(entry.key, limit: 128), let type = try type(of: entry.value) else { continue }
            var layer = LayerCensus(alias: alias, layer: try qualifiedName(type))
            if try mro(type).contains(where: { $0.name == "InMemoryChannelLayer" }),
                let groups = try attribute("groups", of: entry.value)
            {
                try count(groups, into: &layer, live)
            }
            layers.append(layer)
        }
        return layers
    }

    private func count(
        _ groups: RemoteAddress, into layer: inout LayerCensus, _ live: LiveChannels
    ) throws(RemoteReadError) {
        var (all, allStale) = (0, 0)
        var found: [LayerCensus.Group] = []
        for entry in try dict(groups, limit: Self.memberLimit) ?? [] where all < Self.memberLimit {
            guard let members = try? dict(entry.value, limit: Self.memberLimit) else { continue }
            var stale = 0
            for member in members where (try? live.isStale(member.key, self)) == true { stale += 1 }
            all += members.count
            allStale += stale
            guard stale > 0, let name = try string(entry.key, limit: 128) else { continue }
            found.append(.init(name: name, members: members.count, stale: stale))
        }
        layer.members = all
        layer.stale = allStale
        layer.groups = Array(
            found.sorted { ($0.stale, $1.name) > ($1.stale, $0.name) }.prefix(LayerCensus.groupLimit))
    }
}
