using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tensors.MultiTensor;

/// <summary>
/// How the flat buffers of an arena are cut into tiles that are worked on in parallel. The cut depends on the parameters alone,
/// so that sums over tiles are the same, bit for bit, for any number of threads. A tile has one weight decay and is either trained
/// or frozen; it may hold several parameters and the zeros between them, which every operation leaves zero.
/// </summary>
public sealed class MultiTensorLayout : IDisposable
{
    /// <summary>Elements of the longest tile: long enough to amortise handing it out, short enough to share among threads.</summary>
    internal const int TileLength = 32768;

    /// <summary>A part of the flat buffers; offset and length are multiples of 64 bytes.</summary>
    internal readonly record struct Tile(long Offset, int Length, double Decay, bool IsTrainable);

    /// <summary>A part of one trained parameter, without padding, and the number of its first element among the arena's elements.</summary>
    internal readonly record struct Run(long Offset, int Length, ulong Index);

    /// <param name="arena">Its parameters' <see cref="Parameter.IsTrainable"/> is read now; later changes need a new layout.</param>
    /// <param name="decay">Weight decay of a parameter; none is zero for all.</param>
    public MultiTensorLayout(ParameterArena arena, Func<ParameterSegment, double>? decay = null)
    {
        Arena = arena;
        Tiles = [.. CutTiles(arena, decay ?? (static _ => 0))];
        Runs = [.. CutRuns(arena)];
        Partials = Tensor.Persistent([Math.Max(Tiles.Length, 1), MaxSums], DType.Float64, arena.Weights.Device);
    }

    /// <summary>Most sums one pass makes.</summary>
    internal const int MaxSums = 3;

    /// <summary>The arena whose buffers have this layout.</summary>
    public ParameterArena Arena { get; }

    internal Tile[] Tiles { get; }

    internal Run[] Runs { get; }

    /// <summary>Room for three sums of each tile, float64; scratch of the reductions.</summary>
    internal Tensor Partials { get; }

    /// <summary>What a backend keeps of the layout on its device; made when it is first wanted.</summary>
    internal IDisposable? DeviceTable { get; set; }

    /// <summary>Frees the scratch memory.</summary>
    public void Dispose()
    {
        DeviceTable?.Dispose();
        Partials.Dispose();
    }

    static IEnumerable<Tile> CutTiles(ParameterArena arena, Func<ParameterSegment, double> decay)
    {
        var segments = arena.Segments;
        for (int i = 0; i < segments.Count;)
        {
            (double rate, bool trainable) = (decay(segments[i]), segments[i].Parameter.IsTrainable);
            long start = segments[i].Offset;
            do i++;
            while (i < segments.Count && decay(segments[i]) == rate && segments[i].Parameter.IsTrainable == trainable);
            long end = i < segments.Count ? segments[i].Offset : arena.Count;
            for (long offset = start; offset < end; offset += TileLength)
                yield return new(offset, (int)Math.Min(TileLength, end - offset), rate, trainable);
        }
    }

    static IEnumerable<Run> CutRuns(ParameterArena arena)
    {
        // Numbers are drawn four at a time, so each parameter begins at a multiple of four whatever the padding of its type.
        ulong index = 0;
        foreach (var segment in arena.Segments)
        {
            if (segment.Parameter.IsTrainable)
                for (long done = 0; done < segment.Count; done += TileLength)
                    yield return new(segment.Offset + done, (int)Math.Min(TileLength, segment.Count - done), index + (ulong)done);
            index += (ulong)(segment.Count + 3) / 4 * 4;
        }
    }
}
