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
    /// <param name="includes">Which of the trainable parameters count as trained in this layout; none is all of them.</param>
    public MultiTensorLayout(ParameterArena arena, Func<ParameterSegment, double>? decay = null,
        Func<ParameterSegment, bool>? includes = null)
    {
        Arena = arena;
        bool IsTrained(ParameterSegment segment) => segment.Parameter.IsTrainable && includes?.Invoke(segment) != false;
        Tiles = [.. CutTiles(arena, decay ?? (static _ => 0), IsTrained)];
        Runs = [.. CutRuns(arena, IsTrained)];
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

    static IEnumerable<Tile> CutTiles(ParameterArena arena, Func<ParameterSegment, double> decay, Func<ParameterSegment, bool> isTrained)
    {
        var segments = arena.Segments;
        for (int i = 0; i < segments.Count;)
        {
            (double rate, bool trainable) = (decay(segments[i]), isTrained(segments[i]));
            long start = segments[i].Offset;
            do i++;
            while (i < segments.Count && decay(segments[i]) == rate && isTrained(segments[i]) == trainable);
            long end = i < segments.Count ? segments[i].Offset : arena.Count;
            for (long offset = start; offset < end; offset += TileLength)
                yield return new(offset, (int)Math.Min(TileLength, end - offset), rate, trainable);
        }
    }

    static IEnumerable<Run> CutRuns(ParameterArena arena, Func<ParameterSegment, bool> isTrained)
    {
        // Numbers are drawn four at a time, so each parameter begins at a multiple of four whatever the padding of its type.
        ulong index = 0;
        foreach (var segment in arena.Segments)
        {
            if (isTrained(segment))
                for (long done = 0; done < segment.Count; done += TileLength)
                    yield return new(segment.Offset + done, (int)Math.Min(TileLength, segment.Count - done), index + (ulong)done);
            index += (ulong)(segment.Count + 3) / 4 * 4;
        }
    }
}
