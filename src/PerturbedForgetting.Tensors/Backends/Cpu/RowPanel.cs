using System.Numerics;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>
/// As many short rows as a vector has lanes, turned so that a lane is a row: there are no sums across lanes and no ends of rows, which
/// would cost more than the row itself. The order of every sum depends on the width alone.
/// </summary>
static unsafe class RowPanel
{
    /// <summary>Rows up to this width go through panels; a longer row fills enough vectors by itself, and turning it costs more than its
    /// end.</summary>
    public const int MaxWidth = 48;

    /// <summary>The same for a loss, which makes more sums of a row and their logarithm.</summary>
    public const int MaxLossWidth = 128;

    /// <summary>Whether short rows that take one sum go through panels: where they have ends, which panels save.</summary>
    public static bool EndsPay<T>(int width) => width <= MaxWidth && width % Vector<T>.Count != 0;

    /// <summary>Elements of a panel.</summary>
    public static int Length<T>(int width) => width * Vector<T>.Count;

    /// <summary>panel[k][lane] = rows[lane][k]; lanes behind the last row keep what they held.</summary>
    public static void Load<T>(T* rows, int count, int width, T* panel) where T : unmanaged, INumber<T> =>
        Transposition.Matrix(rows, width, panel, Vector<T>.Count, count, width);

    /// <summary>rows[lane][k] = panel[k][lane].</summary>
    public static void Store<T>(T* panel, T* rows, int count, int width) where T : unmanaged, INumber<T> =>
        Transposition.Matrix(panel, Vector<T>.Count, rows, width, width, count);

    /// <summary>The largest element of each row. A NaN may be passed over.</summary>
    public static Vector<T> Max<T>(T* panel, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Vector<T> a = Vector.Load(panel), b = a;
        int k = 1;
        for (; k < width - 1; k += 2)
        {
            a = Vector.MaxNative(a, At(panel, k));
            b = Vector.MaxNative(b, At(panel, k + 1));
        }
        return Vector.MaxNative(k < width ? Vector.MaxNative(a, At(panel, k)) : a, b);
    }

    /// <summary>panel = exp(panel - shift); returns the sum of each row.</summary>
    public static Vector<T> ExpSum<T>(T* panel, Vector<T> shift, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = Vector<T>.Zero;
        for (T* at = panel, end = panel + Length<T>(width); at < end; at += Vector<T>.Count)
        {
            var e = VectorMath.Exp(Vector.Load(at) - shift);
            e.Store(at);
            sum += e;
        }
        return sum;
    }

    /// <summary>panel = panel * factor + offset.</summary>
    public static void Affine<T>(T* panel, Vector<T> factor, Vector<T> offset, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (T* at = panel, end = panel + Length<T>(width); at < end; at += Vector<T>.Count)
            RowMath.MultiplyAdd(Vector.Load(at), factor, offset).Store(at);
    }

    /// <summary>The sum of each row, less a shift of each element.</summary>
    public static Vector<T> Sum<T>(T* panel, Vector<T> shift, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Vector<T> a = default, b = default;
        int k = 0;
        for (; k < width - 1; k += 2)
        {
            a += At(panel, k) - shift;
            b += At(panel, k + 1) - shift;
        }
        return k < width ? a + b + (At(panel, k) - shift) : a + b;
    }

    /// <summary>The inner product of each row with another.</summary>
    public static Vector<T> Dot<T>(T* x, T* y, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Vector<T> a = default, b = default, c = default, d = default;
        int k = 0;
        for (; k < width - 3; k += 4)
        {
            a = RowMath.MultiplyAdd(At(x, k), At(y, k), a);
            b = RowMath.MultiplyAdd(At(x, k + 1), At(y, k + 1), b);
            c = RowMath.MultiplyAdd(At(x, k + 2), At(y, k + 2), c);
            d = RowMath.MultiplyAdd(At(x, k + 3), At(y, k + 3), d);
        }
        for (; k < width; k++)
            a = RowMath.MultiplyAdd(At(x, k), At(y, k), a);
        return a + b + (c + d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<T> At<T>(T* panel, int k) where T : unmanaged => Vector.Load(panel + (k * Vector<T>.Count));
}

/// <summary>A function of short rows, written for a panel of them.</summary>
unsafe interface IPanelKernel
{
    /// <summary>Replaces the panel of the first operand by the result.</summary>
    /// <param name="a">The first operand's panel.</param>
    /// <param name="b">The second's, where there is one.</param>
    /// <param name="width">Elements of a row.</param>
    static abstract void Run<T>(T* a, T* b, int width) where T : unmanaged, IFloatingPointIeee754<T>;
}

readonly unsafe struct SoftmaxPanel : IPanelKernel
{
    public static void Run<T>(T* x, T* none, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var sum = RowPanel.ExpSum(x, RowPanel.Max(x, width), width);
        RowPanel.Affine(x, Vector<T>.One / sum, Vector<T>.Zero, width);
    }
}

/// <summary>dx = (dy - sum(dy y)) y.</summary>
readonly unsafe struct SoftmaxBackwardPanel : IPanelKernel
{
    public static void Run<T>(T* dy, T* y, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int length = RowPanel.Length<T>(width);
        var dot = RowPanel.Dot(dy, y, width);
        for (int i = 0; i < length; i += Vector<T>.Count)
            ((Vector.Load(dy + i) - dot) * Vector.Load(y + i)).Store(dy + i);
    }
}

readonly unsafe struct LogSoftmaxPanel : IPanelKernel
{
    public static void Run<T>(T* x, T* none, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int length = RowPanel.Length<T>(width);
        Vector<T> max = RowPanel.Max(x, width), sum = Vector<T>.Zero;
        for (int i = 0; i < length; i += Vector<T>.Count)
            sum += VectorMath.Exp(Vector.Load(x + i) - max);
        var log = VectorMath.Log(sum);
        for (int i = 0; i < length; i += Vector<T>.Count)
            (Vector.Load(x + i) - max - log).Store(x + i);
    }
}

/// <summary>dx = dy - exp(y) sum(dy).</summary>
readonly unsafe struct LogSoftmaxBackwardPanel : IPanelKernel
{
    public static void Run<T>(T* dy, T* y, int width) where T : unmanaged, IFloatingPointIeee754<T>
    {
        int length = RowPanel.Length<T>(width);
        var sum = RowPanel.Sum(dy, Vector<T>.Zero, width);
        for (int i = 0; i < length; i += Vector<T>.Count)
            (Vector.Load(dy + i) - (VectorMath.Exp(Vector.Load(y + i)) * sum)).Store(dy + i);
    }
}
