import NIOCore

/// The memory that a loop's frames are written into: one block, over and over, as long as each frame has left it before the
/// next one comes. On the loop's thread only.
///
/// A frame is on its way to the socket when the next one is written, nearly always: making and freeing two blocks for each
/// costs more than the frame. While NIO still holds the block, for a client that does not read, the next frame has one of
/// its own. Unsafe on purpose: in place, without a check of exclusive access.
final class FrameBuffer {
    /// The largest frame that is written here; what is kept is no larger.
    private static let limit = 4096

    private let allocator: ByteBufferAllocator
    private let spare: UnsafeMutablePointer<ByteBuffer>

    init(allocator: ByteBufferAllocator = ByteBufferAllocator()) {
        self.allocator = allocator
        spare = .allocate(capacity: 1)
        spare.initialize(to: allocator.buffer(capacity: 0))
    }

    deinit {
        spare.deinitialize(count: 1)
        spare.deallocate()
    }

    /// A buffer with what `write` puts into it.
    ///
    /// - Parameter size: the room that `write` is given, at least.
    @inline(__always)
    func filled(size: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int) -> ByteBuffer {
        guard size <= Self.limit else {
            var buffer = allocator.buffer(capacity: size)
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size, write)
            return buffer
        }
        spare.pointee.clear(minimumCapacity: size)
        spare.pointee.writeWithUnsafeMutableBytes(minimumWritableBytes: 0, write)
        return spare.pointee
    }
}
