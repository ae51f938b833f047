using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tensors.Nn;

/// <summary>
/// Where and with which random numbers modules make their parameters: ambient on the thread, so that a module's constructor
/// names only what the module is. Every parameter draws from a Philox stream of its own, numbered in the order of creation.
/// </summary>
/// <example><code>
/// using (Initialization.Begin(seed: 42))
///     model = new Mlp(10, 16, 5);
/// </code></example>
public sealed class Initialization : IDisposable
{
    [ThreadStatic] static Initialization? current;

    /// <summary>Values drawn at once, a multiple of 4 (a Philox block).</summary>
    const int ChunkLength = 2048;

    readonly ulong seed;
    readonly bool draws;
    readonly Initialization? outer;
    ulong parameters;

    Initialization(ulong seed, Device device, DType type, bool draws, Initialization? outer)
    {
        this.seed = seed;
        this.draws = draws;
        this.outer = outer;
        Device = device;
        DType = type;
        Dropout = draws || outer is null ? new DropoutStream(seed) : outer.Dropout;
    }

    /// <summary>The innermost open one; outside all, seed 0 on the CPU in float32.</summary>
    public static Initialization Current => current ??= new Initialization(0, Device.Cpu, DType.Float32, true, null);

    /// <summary>Device of new parameters.</summary>
    public Device Device { get; }

    /// <summary>Type of new parameters.</summary>
    public DType DType { get; }

    /// <summary>Random numbers of the dropout layers that are made here, of the same seed.</summary>
    public DropoutStream Dropout { get; }

    /// <summary>Applies until disposed.</summary>
    public static Initialization Begin(ulong seed, Device? device = null, DType type = DType.Float32) =>
        current = new Initialization(seed, device ?? Device.Cpu, type, true, current);

    /// <summary>
    /// Until disposed, random values are left undefined instead of drawn: for weights that are overwritten at once, and for models
    /// that are only counted. Device and type stay as they are.
    /// </summary>
    public static Initialization BeginUndefined() => current = new Initialization(0, Current.Device, Current.DType, false, Current);

    /// <summary>Back to what applied before.</summary>
    public void Dispose() => current = outer;

    /// <summary>A new tensor with every element the same.</summary>
    public Tensor Constant(Shape shape, double value) => Tensor.Persistent(shape, DType, Device).Fill(value);

    /// <summary>A new tensor, uniform in [-bound, bound).</summary>
    public Tensor Uniform(Shape shape, double bound)
    {
        var philox = NextStream();
        return Make(shape, (first, values) =>
        {
            Span<uint> words = stackalloc uint[values.Length];
            philox.Words(first >> 2, words);
            for (int i = 0; i < values.Length; i++)
                values[i] = (2.0 * Philox.ToUniform(words[i]) - 1) * bound;
        });
    }

    /// <summary>A new tensor, normal with mean 0.</summary>
    public Tensor Normal(Shape shape, double standardDeviation)
    {
        var philox = NextStream();
        return Make(shape, (first, values) =>
        {
            Span<float> normals = stackalloc float[values.Length];
            philox.Normals(first, normals);
            for (int i = 0; i < values.Length; i++)
                values[i] = normals[i] * standardDeviation;
        });
    }

    /// <summary>A new tensor, normal with mean 0, redrawn where it falls outside two of the underlying standard deviations.</summary>
    public Tensor TruncatedNormal(Shape shape, double standardDeviation)
    {
        var philox = NextStream();
        return Make(shape, (first, values) =>
        {
            Span<float> normals = stackalloc float[values.Length];
            philox.Normals(first, normals);
            for (int i = 0; i < values.Length; i++)
            {
                double value = normals[i];
                for (ulong attempt = 1; Math.Abs(value) > 2; attempt++)
                    value = philox.Normal(first + (ulong)i + (attempt << 40));
                values[i] = value * standardDeviation;
            }
        });
    }

    Philox NextStream() => new(seed, Streams.Initialization | parameters++);

    Tensor Make(Shape shape, FillRange fill)
    {
        var tensor = Tensor.Persistent(shape, DType, Device);
        if (!draws)
            return tensor;
        return DType == DType.Float32
            ? tensor.CopyFrom((ReadOnlySpan<float>)Fill(shape, fill, static x => (float)x))
            : tensor.CopyFrom((ReadOnlySpan<double>)Fill(shape, fill, static x => x));
    }

    static T[] Fill<T>(Shape shape, FillRange fill, Func<double, T> convert)
    {
        var result = new T[shape.Count];
        Parallel.For(0, (result.Length + ChunkLength - 1) / ChunkLength, chunk =>
        {
            int first = chunk * ChunkLength;
            Span<double> values = stackalloc double[Math.Min(ChunkLength, result.Length - first)];
            fill((ulong)first, values);
            for (int i = 0; i < values.Length; i++)
                result[first + i] = convert(values[i]);
        });
        return result;
    }

    delegate void FillRange(ulong first, Span<double> values);
}
