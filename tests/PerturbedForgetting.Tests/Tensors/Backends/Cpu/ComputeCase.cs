using System.Numerics;
using System.Runtime.InteropServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cpu;

/// <summary>Fresh random inputs, native buffers, and the settings of the compute engine put back at the end.</summary>
sealed unsafe class ComputeCase : IDisposable
{
    readonly List<nint> buffers = [];
    readonly SimdKind simd = SimdLevel.Current;
    readonly int threads = WorkerPool.Threads;

    public ComputeCase()
    {
        int seed = System.Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        Random = new Random(seed);
    }

    public Random Random { get; }

    /// <summary>The instruction sets this processor can run.</summary>
    public static IEnumerable<SimdKind> Levels => Enum.GetValues<SimdKind>().Where(level => level <= SimdLevel.Supported);

    /// <summary>Unit roundoff of T: half the distance from 1 to the next number.</summary>
    public static double Roundoff<T>() => typeof(T) == typeof(float) ? Math.ScaleB(1, -24) : Math.ScaleB(1, -53);

    /// <summary>A buffer of normally distributed values.</summary>
    public T* Normal<T>(long count)
        where T : unmanaged, INumber<T>
    {
        T* values = Empty<T>(count);
        for (long i = 0; i < count; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - Random.NextDouble()));
            values[i] = T.CreateChecked(radius * Math.Cos(2 * Math.PI * Random.NextDouble()));
        }
        return values;
    }

    /// <summary>A buffer of NaN: what is not written shows. Guard values behind it are checked by <see cref="Dispose"/>.</summary>
    public T* Empty<T>(long count)
        where T : unmanaged, INumber<T>
    {
        T* values = (T*)NativeMemory.AlignedAlloc((nuint)((count + 1) * sizeof(T)), 64);
        new Span<T>(values, (int)count + 1).Fill(T.CreateSaturating(double.NaN));
        buffers.Add((nint)values);
        return values;
    }

    public T* Copy<T>(T* source, long count)
        where T : unmanaged, INumber<T>
    {
        T* copy = Empty<T>(count);
        new Span<T>(source, (int)count).CopyTo(new Span<T>(copy, (int)count));
        return copy;
    }

    public void Dispose()
    {
        SimdLevel.Current = simd;
        WorkerPool.Threads = threads;
        foreach (nint buffer in buffers)
            NativeMemory.AlignedFree((void*)buffer);
    }

    /// <summary>
    /// Asserts |actual - expected| &lt;= (terms + 2) u sum|products|, the bound of any order of a rounded dot product
    /// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
    /// </summary>
    public static void AssertClose<T>(T* actual, double[] expected, double[] magnitude, int terms, string what)
        where T : unmanaged, INumber<T>
    {
        double unit = (terms + 2) * Roundoff<T>();
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(double.CreateChecked(actual[i]) - expected[i]);
            if (!(error <= unit * magnitude[i]))
                Assert.Fail($"{what}: element {i} is {actual[i]}, expected {expected[i]} within {unit * magnitude[i]}.");
        }
    }

    public static void AssertSameBits<T>(T* actual, T* expected, int count, string what)
        where T : unmanaged, INumber<T>
    {
        var left = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(actual, count));
        if (!left.SequenceEqual(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(expected, count))))
            Assert.Fail($"{what}: results differ in their bits.");
    }
}
