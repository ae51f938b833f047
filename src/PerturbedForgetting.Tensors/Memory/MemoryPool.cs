namespace PerturbedForgetting.Tensors.Memory;

/// <summary>
/// Blocks that an allocator keeps apart: what was allocated from the pool returns to it and is handed out to nobody else, so that a
/// graph may use it whenever it runs.
/// </summary>
public sealed class MemoryPool : IDisposable
{
    readonly CachingAllocator allocator;

    internal MemoryPool(CachingAllocator allocator) => this.allocator = allocator;

    internal Dictionary<long, Stack<Storage>> Free { get; } = [];

    /// <summary>Gives the pool's memory back to the device. Graphs that use it must be gone.</summary>
    public void Dispose() => allocator.Trim(this);

    /// <summary>While it lives, an allocator takes new blocks from a pool.</summary>
    public readonly struct Use : IDisposable
    {
        readonly CachingAllocator allocator;
        readonly MemoryPool? before;

        internal Use(CachingAllocator allocator, MemoryPool pool)
        {
            this.allocator = allocator;
            before = allocator.Pool;
            allocator.Pool = pool;
        }

        /// <summary>Back to the pool before.</summary>
        public void Dispose() => allocator.Pool = before;
    }
}
