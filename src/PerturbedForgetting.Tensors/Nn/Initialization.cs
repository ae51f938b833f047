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

    readonly ulong seed;
    readonly Initialization? outer;
    ulong parameters;

    Initialization(ulong seed, Device device, DType type, Initialization? outer)
    {
        this.seed = seed;
        this.outer = outer;
        Device = device;
        DType = type;
    }

    /// <summary>The innermost open one; outside all, seed 0 on the CPU in float32.</summary>
    public static Initialization Current => current ??= new Initialization(0, Device.Cpu, DType.Float32, null);

    /// <summary>Device of new parameters.</summary>
    public Device Device { get; }

    /// <summary>Type of new parameters.</summary>
    public DType DType { get; }

    /// <summary>Applies until disposed.</summary>
    public static Initialization Begin(ulong seed, Device? device = null, DType type = DType.Float32) =>
        current = new Initialization(seed, device ?? Device.Cpu, type, current);

    /// <summary>Back to what applied before.</summary>
    public void Dispose() => current = outer;

    /// <summary>A new tensor with every element the same.</summary>
    public Tensor Constant(Shape shape, double value) => Tensor.Persistent(shape, DType, Device).Fill(value);

    /// <summary>A new tensor, uniform in [-bound, bound).</summary>
    public Tensor Uniform(Shape shape, double bound)
    {
        var philox = NextStream();
        return Make(shape, i => (2.0 * philox.Uniform((ulong)i) - 1) * bound);
    }

    /// <summary>A new tensor, normal with mean 0.</summary>
    public Tensor Normal(Shape shape, double standardDeviation)
    {
        var philox = NextStream();
        return Make(shape, i => philox.Normal((ulong)i) * standardDeviation);
    }

    /// <summary>A new tensor, normal with mean 0, redrawn where it falls outside two of the underlying standard deviations.</summary>
    public Tensor TruncatedNormal(Shape shape, double standardDeviation)
    {
        var philox = NextStream();
        return Make(shape, i =>
        {
            for (ulong attempt = 0; ; attempt++)
            {
                double value = philox.Normal((ulong)i + (attempt << 40));
                if (Math.Abs(value) <= 2)
                    return value * standardDeviation;
            }
        });
    }

    Philox NextStream() => new(seed, Streams.Initialization | parameters++);

    Tensor Make(Shape shape, Func<long, double> value)
    {
        var tensor = Tensor.Persistent(shape, DType, Device);
        if (DType == DType.Float32)
            tensor.CopyFrom((ReadOnlySpan<float>)Fill(shape, i => (float)value(i)));
        else
            tensor.CopyFrom((ReadOnlySpan<double>)Fill(shape, value));
        return tensor;
    }

    static T[] Fill<T>(Shape shape, Func<long, T> value)
    {
        var values = new T[shape.Count];
        Parallel.For(0, values.LongLength, i => values[i] = value(i));
        return values;
    }
}
