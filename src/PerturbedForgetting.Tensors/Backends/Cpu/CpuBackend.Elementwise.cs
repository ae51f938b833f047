using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>y = f(x), on a vector of elements.</summary>
interface IUnaryKernel
{
    static abstract Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T>;
}

/// <summary>y = f(a, b), on a vector of elements.</summary>
interface IBinaryKernel
{
    static abstract Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, IFloatingPointIeee754<T>;
}

unsafe sealed partial class CpuBackend
{
    public override void Add(Tensor a, Tensor b, Tensor y) => Map(a, b, y, new AddKernel());

    readonly struct AddKernel : IBinaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, IFloatingPointIeee754<T> => a + b;
    }

    static void Map<TKernel>(Tensor x, Tensor y, TKernel kernel) where TKernel : struct, IUnaryKernel
    {
        if (x.DType == DType.Float32)
            Map<float, TKernel>(x.Pointer<float>(), y.Pointer<float>(), y.Count);
        else
            Map<double, TKernel>(x.Pointer<double>(), y.Pointer<double>(), y.Count);
    }

    static void Map<TKernel>(Tensor a, Tensor b, Tensor y, TKernel kernel) where TKernel : struct, IBinaryKernel
    {
        if (a.DType == DType.Float32)
            Map<float, TKernel>(a.Pointer<float>(), b.Pointer<float>(), y.Pointer<float>(), y.Count);
        else
            Map<double, TKernel>(a.Pointer<double>(), b.Pointer<double>(), y.Pointer<double>(), y.Count);
    }

    static void Map<T, TKernel>(T* x, T* y, long count)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TKernel : struct, IUnaryKernel
    {
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            TKernel.Invoke(Vector.Load(x + i)).Store(y + i);
        for (; i < count; i++)
            y[i] = TKernel.Invoke(new Vector<T>(x[i]))[0];
    }

    static void Map<T, TKernel>(T* a, T* b, T* y, long count)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TKernel : struct, IBinaryKernel
    {
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            TKernel.Invoke(Vector.Load(a + i), Vector.Load(b + i)).Store(y + i);
        for (; i < count; i++)
            y[i] = TKernel.Invoke(new Vector<T>(a[i]), new Vector<T>(b[i]))[0];
    }
}
