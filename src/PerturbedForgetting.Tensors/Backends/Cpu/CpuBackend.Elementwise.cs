using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>y = f(x), on a vector of elements; a struct, so that each kernel gets a loop of its own.</summary>
interface IUnaryKernel
{
    Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T>;
}

/// <summary>y = f(a, b), on a vector of elements.</summary>
interface IBinaryKernel
{
    Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, IFloatingPointIeee754<T>;
}

unsafe sealed partial class CpuBackend
{
    public override void Add(Tensor a, Tensor b, Tensor y) => Map(a, b, y, new AddKernel());

    public override void Sub(Tensor a, Tensor b, Tensor y) => Map(a, b, y, new SubKernel());

    public override void Mul(Tensor a, Tensor b, Tensor y) => Map(a, b, y, new MulKernel());

    public override void Scale(Tensor x, double factor, Tensor y) => Map(x, y, new ScaleKernel(factor));

    public override void ScaleBy(Tensor x, Tensor factor, Tensor y)
    {
        double value = factor.DType == DType.Float32 ? *factor.Pointer<float>() : *factor.Pointer<double>();
        // The usual case: the gradient of a loss that is not scaled.
        if (value != 1 || x.Address != y.Address)
            Scale(x, value, y);
    }

    readonly struct AddKernel : IBinaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, IFloatingPointIeee754<T> => a + b;
    }

    readonly struct SubKernel : IBinaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, IFloatingPointIeee754<T> => a - b;
    }

    readonly struct MulKernel : IBinaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, IFloatingPointIeee754<T> => a * b;
    }

    readonly struct ScaleKernel(double factor) : IUnaryKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T> => x * new Vector<T>(T.CreateTruncating(factor));
    }

    static void Map<TKernel>(Tensor x, Tensor y, TKernel kernel) where TKernel : struct, IUnaryKernel
    {
        if (x.DType == DType.Float32)
            Map(new UnaryMap<float, TKernel>(x.Pointer<float>(), y.Pointer<float>(), kernel), y.Count);
        else
            Map(new UnaryMap<double, TKernel>(x.Pointer<double>(), y.Pointer<double>(), kernel), y.Count);
    }

    static void Map<TKernel>(Tensor a, Tensor b, Tensor y, TKernel kernel) where TKernel : struct, IBinaryKernel
    {
        if (a.DType == DType.Float32)
            Map(new BinaryMap<float, TKernel>(a.Pointer<float>(), b.Pointer<float>(), y.Pointer<float>(), kernel), y.Count);
        else
            Map(new BinaryMap<double, TKernel>(a.Pointer<double>(), b.Pointer<double>(), y.Pointer<double>(), kernel), y.Count);
    }

    static void Map<TMap>(TMap map, long count) where TMap : struct, IRowBody => ForRows(count, 1, map);

    struct UnaryMap<T, TKernel>(T* x, T* y, TKernel kernel) : IRowBody
        where T : unmanaged, IFloatingPointIeee754<T>
        where TKernel : struct, IUnaryKernel
    {
        public void Run(long first, long end)
        {
            T* source = x, target = y;
            var f = kernel;
            long i = first;
            for (; i <= end - Vector<T>.Count; i += Vector<T>.Count)
                f.Invoke(Vector.Load(source + i)).Store(target + i);
            for (; i < end; i++)
                target[i] = f.Invoke(new Vector<T>(source[i]))[0];
        }
    }

    struct BinaryMap<T, TKernel>(T* a, T* b, T* y, TKernel kernel) : IRowBody
        where T : unmanaged, IFloatingPointIeee754<T>
        where TKernel : struct, IBinaryKernel
    {
        public void Run(long first, long end)
        {
            T* left = a, right = b, target = y;
            var f = kernel;
            long i = first;
            for (; i <= end - Vector<T>.Count; i += Vector<T>.Count)
                f.Invoke(Vector.Load(left + i), Vector.Load(right + i)).Store(target + i);
            for (; i < end; i++)
                target[i] = f.Invoke(new Vector<T>(left[i]), new Vector<T>(right[i]))[0];
        }
    }
}
