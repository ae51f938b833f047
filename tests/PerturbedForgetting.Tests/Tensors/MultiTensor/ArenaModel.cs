using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors.MultiTensor;

/// <summary>Parameters of awkward sizes in an arena, some of them frozen, and buffers with random content for them.</summary>
sealed class ArenaModel : Module, IDisposable
{
    public static readonly int[] AwkwardSizes = [1, 31, 33, 1025, 16, 70001, 5, 32768];

    readonly Random random;
    readonly DType type;

    public ArenaModel(DType type, int seed, int[]? sizes = null, int frozen = 3, double decay = 0)
    {
        this.type = type;
        random = new Random(seed);
        sizes ??= AwkwardSizes;
        for (int i = 0; i < sizes.Length; i++)
            Register($"p{i}", new Parameter(Tensor.Persistent([sizes[i]], type, Initialization.Current.Device).Fill(0))
            {
                IsTrainable = i
                != frozen
            });
        Arena = new ParameterArena(this);
        // Every other parameter has weight decay, so that tiles of both kinds alternate.
        Layout = new MultiTensorLayout(Arena, segment => Index(segment) % 2 == 0 ? decay : 0);
        Randomize(Arena.Weights);
    }

    public ParameterArena Arena { get; }

    public MultiTensorLayout Layout { get; }

    /// <summary>Another flat buffer, normal numbers in the parameters and zeros between.</summary>
    public Tensor NewBuffer(double scale = 1)
    {
        var buffer = Arena.NewBuffer();
        Randomize(buffer, scale);
        return buffer;
    }

    /// <summary>All elements with the padding, as double.</summary>
    public static double[] Read(Tensor buffer) => buffer.DType == DType.Float64
        ? buffer.ToArray<double>()
        : Array.ConvertAll(buffer.ToArray<float>(), static x => (double)x);

    /// <summary>For every element of the arena, whether it belongs to a trained parameter, and its weight decay.</summary>
    public (bool[] Trained, bool[] Padding, double[] Decay) Map(double decay = 0)
    {
        var (trained, padding, rates) = (new bool[Arena.Count], new bool[Arena.Count], new double[Arena.Count]);
        Array.Fill(padding, true);
        foreach (var segment in Arena.Segments)
        {
            for (long i = segment.Offset; i < segment.Offset + segment.Count; i++)
                (trained[i], padding[i], rates[i]) = (segment.Parameter.IsTrainable, false, Index(segment) % 2 == 0 ? decay : 0);
        }
        return (trained, padding, rates);
    }

    public void Dispose()
    {
        Layout.Dispose();
        Arena.Dispose();
    }

    protected override Tensor Forward(Tensor x) => x;

    static int Index(ParameterSegment segment) => int.Parse(segment.Name[1..], System.Globalization.CultureInfo.InvariantCulture);

    void Randomize(Tensor buffer, double scale = 1)
    {
        foreach (var segment in Arena.Segments)
        {
            var slice = ParameterArena.Slice(buffer, segment);
            double[] values = [.. Enumerable.Range(0, (int)segment.Count).Select(_ => scale * ((random.NextDouble() * 2) - 1))];
            if (type == DType.Float64)
                slice.CopyFrom((ReadOnlySpan<double>)values);
            else
                slice.CopyFrom((ReadOnlySpan<float>)Array.ConvertAll(values, static x => (float)x));
        }
    }
}
