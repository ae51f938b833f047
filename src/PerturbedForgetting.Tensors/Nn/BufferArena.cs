using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>
/// A model's buffers (running statistics, counters) in one block of bytes, so that saving or restoring all of them is one copy. Those of
/// one type lie together, each aligned to 64 bytes with zeros between. The buffers are views of the block; see
/// <see cref="ParameterArena.Buffers"/>.
/// </summary>
public sealed class BufferArena
{
    const int Alignment = 64;

    readonly (string Name, Tensor Buffer, long Offset)[] entries;
    readonly List<(DType Type, long Offset, int Count)> regions = [];

    BufferArena((string Name, Tensor Buffer, long Offset)[] entries, long bytes)
    {
        this.entries = entries;
        Values = Tensor.Persistent([Shape.Extent(bytes, "bytes of a model's buffers")], DType.UInt8, entries[0].Buffer.Device).Fill(0);
    }

    /// <summary>The block, uint8.</summary>
    public Tensor Values { get; }

    /// <summary>A block for a copy of the values, which belongs to the caller.</summary>
    public Tensor NewCopy() => Tensor.Persistent(Values.Shape, DType.UInt8, Values.Device).CopyFrom(Values);

    /// <summary>Views of the buffers in a copy, by their dotted names, in the order of the state dictionary.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> In(Tensor copy) =>
        entries.Select(e => (e.Name, copy.View(e.Buffer.DType, e.Buffer.Shape, e.Offset)));

    /// <summary>Views of what has one type, flat, with the zeros between: one a type.</summary>
    public IEnumerable<Tensor> ByType(Tensor copy) => regions.Select(r => copy.View(r.Type, [r.Count], r.Offset));

    /// <summary>Moves the buffers of a model into a block; none where it has no buffers.</summary>
    internal static BufferArena? Gather(Module model)
    {
        var buffers = model.State().Where(static e => e.Tensor is not Parameter).ToArray();
        if (buffers.Length == 0)
            return null;
        var entries = new (string Name, Tensor Buffer, long Offset)[buffers.Length];
        var regions = new List<(DType, long, int)>();
        long offset = 0;
        foreach (var type in buffers.Select(static b => b.Tensor.DType).Distinct().Order())
        {
            long first = offset;
            for (int i = 0; i < buffers.Length; i++)
            {
                if (buffers[i].Tensor.DType != type)
                    continue;
                entries[i] = (buffers[i].Name, buffers[i].Tensor, offset);
                offset += ((buffers[i].Tensor.Count * type.Size()) + Alignment - 1) / Alignment * Alignment;
            }
            regions.Add((type, first, (int)((offset - first) / type.Size())));
        }
        var arena = new BufferArena(entries, offset);
        arena.regions.AddRange(regions);
        var block = new Storage(null, arena.Values.Address, 0);
        foreach (var (_, buffer, at) in entries)
        {
            arena.Values.View(buffer.DType, buffer.Shape, at).CopyFrom(buffer);
            buffer.Dispose();
            buffer.Rebind(block, at);
        }
        return arena;
    }
}
