using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

unsafe abstract partial class CpuBackend
{
    public override void Map(Unary f, Tensor x, Tensor y, double parameter = 0) => f.Loop(x, y, parameter);

    public override void Map(Binary f, Tensor a, Tensor b, Tensor y) => f.Loop(a, b, y);

    /// <summary>The loop of a kernel.</summary>
    internal static void Map<TKernel>(Tensor x, Tensor y, TKernel kernel) where TKernel : struct, IUnaryKernel
    {
        if (x.DType == DType.Float32)
            Map(new UnaryMap<float, TKernel>(x.Pointer<float>(), y.Pointer<float>(), kernel), y.Count);
        else
            Map(new UnaryMap<double, TKernel>(x.Pointer<double>(), y.Pointer<double>(), kernel), y.Count);
    }

    /// <inheritdoc cref="Map{TKernel}(Tensor, Tensor, TKernel)"/>
    internal static void Map<TKernel>(Tensor a, Tensor b, Tensor y, TKernel kernel) where TKernel : struct, IBinaryKernel
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

unsafe sealed partial class CpuBackend<T>
{
    public override void ScaleBy(Tensor x, Tensor factor, Tensor y)
    {
        double value = double.CreateTruncating(*factor.Pointer<T>());
        // The usual case: the gradient of a loss that is not scaled.
        if (value != 1 || x.Address != y.Address)
            Map(Unary.Scale, x, y, value);
    }

    public override void GeluBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor xTangent, Tensor dx) =>
        ForRows(dx.Count, 1, new GeluBackwardTangentMap(dy, dyTangent, x, xTangent, dx));

    struct GeluBackwardTangentMap(Tensor dy, Tensor dyTangent, Tensor x, Tensor xTangent, Tensor dx) : IRowBody
    {
        readonly T* upstream = dy.Pointer<T>(), upstreamTangent = dyTangent.Pointer<T>(), source = x.Pointer<T>(),
            moves = xTangent.Pointer<T>(), target = dx.Pointer<T>();

        public readonly void Run(long first, long end)
        {
            long i = first;
            for (; i <= end - Vector<T>.Count; i += Vector<T>.Count)
                Derive(Vector.Load(upstream + i), Vector.Load(upstreamTangent + i), Vector.Load(source + i), Vector.Load(moves + i))
                    .Store(target + i);
            for (; i < end; i++)
            {
                target[i] = Derive(new Vector<T>(upstream[i]), new Vector<T>(upstreamTangent[i]), new Vector<T>(source[i]),
                    new Vector<T>(moves[i]))[0];
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static Vector<T> Derive(Vector<T> dy, Vector<T> dyTangent, Vector<T> x, Vector<T> xTangent) =>
            new GeluKernel().Invoke(dyTangent, x) + new GeluSecondKernel().Invoke(dy * xTangent, x);
    }
}
