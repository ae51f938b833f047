using System.Runtime.InteropServices;

namespace Benchmarks;

/// <summary>An aligned float buffer of reproducible random values in [-1, 1).</summary>
sealed unsafe class NativeArray : IDisposable
{
    public NativeArray(long count)
    {
        Pointer = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
        var random = new Random(1);
        for (long i = 0; i < count; i++)
            Pointer[i] = (random.NextSingle() * 2) - 1;
    }

    public float* Pointer { get; }

    public void Dispose() => NativeMemory.AlignedFree(Pointer);
}
