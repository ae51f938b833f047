using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>y = f(x), on a vector of elements; a struct, so that each kernel gets a loop of its own.</summary>
interface IUnaryKernel
{
    Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T>;
}

/// <summary>
/// y = f(a, b), on a vector of elements. Where a <see cref="IUnaryKernel"/> is one too, it is the backward pass: a is dy, b what the
/// forward pass saved.
/// </summary>
interface IBinaryKernel
{
    Vector<T> Invoke<T>(Vector<T> a, Vector<T> b) where T : unmanaged, IFloatingPointIeee754<T>;
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

readonly struct ReluKernel : IUnaryKernel, IBinaryKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T> =>
        Vector.ConditionalSelect(Vector.LessThan(x, Vector<T>.Zero), Vector<T>.Zero, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> dy, Vector<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        Vector.ConditionalSelect(Vector.GreaterThan(y, Vector<T>.Zero), dy, Vector<T>.Zero);
}

readonly struct SigmoidKernel : IUnaryKernel, IBinaryKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T> =>
        VectorMath.Sigmoid(x, VectorMath.Exp(-Vector.Abs(x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> dy, Vector<T> y) where T : unmanaged, IFloatingPointIeee754<T> => dy * y * (Vector<T>.One - y);
}

/// <summary>The second derivative of the sigmoid times a, of its value.</summary>
readonly struct SigmoidSecondKernel : IBinaryKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> y) where T : unmanaged, IFloatingPointIeee754<T> =>
        a * y * (Vector<T>.One - y) * (Vector<T>.One - y - y);
}

readonly struct GeluKernel : IUnaryKernel, IBinaryKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T> => x * VectorMath.NormalCdf(x, out _);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> dy, Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var cdf = VectorMath.NormalCdf(x, out var density);
        var factor = new Vector<T>(T.CreateTruncating(0.3989422804014327));
        return dy * (x * factor * density + cdf);
    }
}

/// <summary>The second derivative of the gelu times a: (2 - x²) pdf(x).</summary>
readonly struct GeluSecondKernel : IBinaryKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<T> Invoke<T>(Vector<T> a, Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        VectorMath.NormalCdf(x, out var density);
        var factor = new Vector<T>(T.CreateTruncating(0.3989422804014327));
        // Where the density is 0, x² may be infinite.
        return Vector.ConditionalSelect(Vector.Equals(density, Vector<T>.Zero), a * density,
            a * ((Vector<T>.One + Vector<T>.One - (x * x)) * (factor * density)));
    }
}
