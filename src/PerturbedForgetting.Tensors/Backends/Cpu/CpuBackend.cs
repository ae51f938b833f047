using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>The operations on the processor, one file an operation family: here what does not depend on the floating type.</summary>
unsafe abstract partial class CpuBackend : Backend
{
    static readonly CpuBackend<float> singles = new();
    static readonly CpuBackend<double> doubles = new();

    /// <summary>The backend of a type; float32's does, too, what depends on no type.</summary>
    public static CpuBackend Of(DType type) => type == DType.Float64 ? doubles : singles;

    public override Backend For(DType type) => Of(type);

    public override void Fill(Tensor y, double value)
    {
        switch (y.DType)
        {
            case DType.Float32: Span<float>(y).Fill((float)value); break;
            case DType.Float64: Span<double>(y).Fill(value); break;
            case DType.Int32: Span<int>(y).Fill((int)value); break;
            case DType.Int64: Span<long>(y).Fill((long)value); break;
            default: Span<byte>(y).Fill((byte)value); break;
        }
    }

    public override void Copy(Tensor x, Tensor y) => Buffer.MemoryCopy((void*)x.Address, (void*)y.Address, Bytes(y), Bytes(x));

    public override void Cast(Tensor x, Tensor y)
    {
        switch (x.DType)
        {
            case DType.Float32: CastFrom<float>(x, y); break;
            case DType.Float64: CastFrom<double>(x, y); break;
            case DType.Int32: CastFrom<int>(x, y); break;
            case DType.Int64: CastFrom<long>(x, y); break;
            default: CastFrom<byte>(x, y); break;
        }
    }

    public override void Upload(ReadOnlySpan<byte> host, Tensor y)
    {
        fixed (byte* source = host)
            Buffer.MemoryCopy(source, (void*)y.Address, Bytes(y), host.Length);
    }

    public override void Download(Tensor x, Span<byte> host)
    {
        fixed (byte* destination = host)
            Buffer.MemoryCopy((void*)x.Address, destination, host.Length, Bytes(x));
    }

    static void CastFrom<TFrom>(Tensor x, Tensor y) where TFrom : unmanaged, INumberBase<TFrom>
    {
        switch (y.DType)
        {
            case DType.Float32: Cast<TFrom, float>(x, y); break;
            case DType.Float64: Cast<TFrom, double>(x, y); break;
            case DType.Int32: Cast<TFrom, int>(x, y); break;
            case DType.Int64: Cast<TFrom, long>(x, y); break;
            default: Cast<TFrom, byte>(x, y); break;
        }
    }

    static void Cast<TFrom, TTo>(Tensor x, Tensor y)
        where TFrom : unmanaged, INumberBase<TFrom>
        where TTo : unmanaged, INumberBase<TTo>
    {
        var from = x.Pointer<TFrom>();
        var to = y.Pointer<TTo>();
        for (long i = 0; i < x.Count; i++)
            to[i] = TTo.CreateTruncating(from[i]);
    }

    static long Bytes(Tensor t) => t.Count * t.DType.Size();

    /// <summary>A tensor's elements; for tensors below 2^31 elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static Span<T> Span<T>(Tensor t) where T : unmanaged => new(t.Pointer<T>(), checked((int)t.Count));
}

/// <summary>The operations on tensors of one floating type.</summary>
/// <typeparam name="T">float or double.</typeparam>
unsafe sealed partial class CpuBackend<T> : CpuBackend where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>A tensor's elements; null for none.</summary>
    static T* PointerOrNull(Tensor? t) => t is null ? null : t.Pointer<T>();
}
