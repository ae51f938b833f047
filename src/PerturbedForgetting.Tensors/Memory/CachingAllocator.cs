using System.Globalization;
using System.Numerics;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Memory;

/// <summary>Bytes of a device, as its allocator counts them.</summary>
/// <param name="Live">Held by tensors now.</param>
/// <param name="Peak">The most that was live at once since the start or the last reset.</param>
/// <param name="Cached">Free, kept for reuse.</param>
public readonly record struct MemoryCounters(long Live, long Peak, long Cached);

/// <summary>
/// Keeps freed blocks for reuse. Sizes are rounded up to one of four steps a power of two (at most 25 % more), at least 512
/// bytes, so a training step finds every block of the step before it. A block is handed out again as soon as its last owner has let
/// go: on a device that queues its work, everything that uses such blocks runs on one stream, so the new use comes after the old one.
/// With <see cref="EnvironmentVariables.Poison"/> every block is filled with NaN bit patterns before it is handed out,
/// which shows any kernel that reads what it has not written.
/// </summary>
sealed class CachingAllocator(IMemorySource source)
{
    static readonly bool Poison = EnvironmentVariables.Poison.Value == "1";

    const int ConsumersShown = 5;

    readonly Dictionary<long, Stack<Storage>> free = [];
    readonly HashSet<Storage> blocks = [];
    readonly Lock gate = new();
    long live, peak, cached;

    public MemoryCounters Counters
    {
        get { lock (gate) return new(live, peak, cached); }
    }

    /// <summary>Where new blocks come from; none is the allocator's own.</summary>
    public MemoryPool? Pool { get; set; }

    public void ResetPeak()
    {
        lock (gate) peak = live;
    }

    /// <summary>A block with one owner.</summary>
    /// <exception cref="OutOfMemoryException">The message says what holds the memory.</exception>
    public Storage Allocate(Shape shape, DType type)
    {
        long size = RoundUp(shape.Count * type.Size());
        Storage storage = TakeCached(size) ?? Make(size, shape, type);
        storage.Purpose = (shape, type);
        storage.Revive();
        if (Poison)
            source.Fill(storage.Pointer, size, 0xFF);
        return storage;
    }

    /// <summary>A block for so many elements, without a shape: work space, which may have more than an extent can say.</summary>
    /// <inheritdoc cref="Allocate(Shape, DType)"/>
    public Storage Allocate(long count, DType type)
    {
        const int inner = 1 << 20;
        return Allocate(count <= int.MaxValue ? [(int)count] : [Shape.Extent((count + inner - 1) / inner, "MiB"), inner], type);
    }

    Storage? TakeCached(long size)
    {
        lock (gate)
        {
            live += size;
            peak = Math.Max(peak, live);
            if (!(Pool?.Free ?? free).TryGetValue(size, out var stack) || !stack.TryPop(out var storage))
                return null;
            cached -= size;
            return storage;
        }
    }

    Storage Make(long size, Shape shape, DType type)
    {
        nint pointer = 0;
        bool isMade = false;
        try
        {
            isMade = source.TryAllocate(size, out pointer);
            if (!isMade)
            {
                // What is cached in other sizes may make room.
                Trim();
                isMade = source.TryAllocate(size, out pointer);
            }
        }
        finally
        {
            if (!isMade)
                lock (gate)
                    live -= size;
        }
        if (!isMade)
            throw new OutOfMemoryException(Explain(size, shape, type));
        var storage = new Storage(this, pointer, size, Pool);
        lock (gate)
            blocks.Add(storage);
        return storage;
    }

    internal void Recycle(Storage storage)
    {
        lock (gate)
        {
            live -= storage.Bytes;
            cached += storage.Bytes;
            var stacks = storage.Pool?.Free ?? free;
            if (!stacks.TryGetValue(storage.Bytes, out var stack))
                stacks.Add(storage.Bytes, stack = new Stack<Storage>());
            stack.Push(storage);
        }
    }

    /// <summary>Gives what is cached outside pools back.</summary>
    public void Trim()
    {
        lock (gate)
            Trim(free);
    }

    /// <summary>Gives what is cached in a pool back.</summary>
    public void Trim(MemoryPool pool)
    {
        lock (gate)
            Trim(pool.Free);
    }

    void Trim(Dictionary<long, Stack<Storage>> stacks)
    {
        foreach (var stack in stacks.Values)
        {
            while (stack.TryPop(out var storage))
            {
                cached -= storage.Bytes;
                blocks.Remove(storage);
                source.Free(storage.Pointer);
            }
        }
    }

    internal static long RoundUp(long bytes)
    {
        if (bytes <= 512)
            return 512;
        long step = 1L << (BitOperations.Log2((ulong)(bytes - 1)) - 2);
        return (bytes + step - 1) / step * step;
    }

    string Explain(long size, Shape shape, DType type)
    {
        (string Text, long Bytes)[] consumers;
        lock (gate)
            consumers = [.. blocks.Where(static b => b.IsLive).GroupBy(static b => b.Purpose)
                .Select(static g => (g.Count() == 1
                    ? $"{g.Key.Type}{g.Key.Shape}"
                    : $"{g.Count()} × {g.Key.Type}{g.Key.Shape}", g.Sum(static b => b.Bytes)))
                .OrderByDescending(static c => c.Item2).Take(ConsumersShown)];
        string used = consumers.Length == 0
            ? ""
            : $" The largest: {string.Join("; ", consumers.Select(static c => $"{c.Text} {Mebibytes(c.Bytes)}"))}.";
        var counters = Counters;
        return $"No memory for a tensor {type}{shape} of {Mebibytes(size)}: "
            + $"{Mebibytes(counters.Live)} are in use by tensors{source.Room}.{used}";
    }

    internal static string Mebibytes(long bytes) => (bytes / 1048576.0).ToString("F1", CultureInfo.InvariantCulture) + " MiB";
}
