using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>
/// Passes over one row that lies in the cache: the parts of softmax, losses and layer norm. The order of every sum depends on the
/// length alone. Where a row's end does not fill a vector, the missing lanes are neutral.
/// </summary>
static unsafe class RowMath
{
    /// <summary>The largest element; minus infinity for an empty row. A NaN may be passed over.</summary>
    public static T Max<T>(T* x, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var max = new Vector<T>(T.NegativeInfinity);
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            max = Vector.MaxNative(max, Vector.Load(x + i));
        if (i < count)
            max = Vector.MaxNative(max, LoadEnd(x + i, count - i, T.NegativeInfinity));
        T result = max[0];
        for (int lane = 1; lane < Vector<T>.Count; lane++)
            result = T.MaxNative(result, max[lane]);
        return result;
    }

    /// <summary>The sum of the elements.</summary>
    public static T Sum<T>(T* x, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Vector<T> a = default, b = default, c = default, d = default;
        long i = 0;
        for (; i <= count - 4 * Vector<T>.Count; i += 4 * Vector<T>.Count)
        {
            a += Vector.Load(x + i);
            b += Vector.Load(x + i + Vector<T>.Count);
            c += Vector.Load(x + i + 2 * Vector<T>.Count);
            d += Vector.Load(x + i + 3 * Vector<T>.Count);
        }
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            a += Vector.Load(x + i);
        if (i < count)
            b += LoadEnd(x + i, count - i, T.Zero);
        return Vector.Sum(a + b + (c + d));
    }

    /// <summary>The inner product of two rows.</summary>
    public static T Dot<T>(T* x, T* y, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Vector<T> a = default, b = default;
        long i = 0;
        for (; i <= count - 2 * Vector<T>.Count; i += 2 * Vector<T>.Count)
        {
            a = MultiplyAdd(Vector.Load(x + i), Vector.Load(y + i), a);
            b = MultiplyAdd(Vector.Load(x + i + Vector<T>.Count), Vector.Load(y + i + Vector<T>.Count), b);
        }
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            a = MultiplyAdd(Vector.Load(x + i), Vector.Load(y + i), a);
        if (i < count)
            b = MultiplyAdd(LoadEnd(x + i, count - i, T.Zero), LoadEnd(y + i, count - i, T.Zero), b);
        return Vector.Sum(a + b);
    }

    /// <summary>y = a + b.</summary>
    public static void Add<T>(T* a, T* b, T* y, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(a + i) + Vector.Load(b + i)).Store(y + i);
        for (; i < count; i++)
            y[i] = a[i] + b[i];
    }

    /// <summary>y = factor * x.</summary>
    public static void Scale<T>(T* x, T factor, T* y, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var f = new Vector<T>(factor);
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(x + i) * f).Store(y + i);
        for (; i < count; i++)
            y[i] = x[i] * factor;
    }

    /// <summary>y = exp(scale * (x - shift)); returns the sum of y. The two may be the same.</summary>
    public static T ExpSum<T>(T* x, T shift, T scale, T* y, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Vector<T> sum = default, s = new(shift), f = new(scale);
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
        {
            var e = VectorMath.Exp((Vector.Load(x + i) - s) * f);
            e.Store(y + i);
            sum += e;
        }
        if (i < count)
        {
            var e = VectorMath.Exp((LoadEnd(x + i, count - i, shift) - s) * f);
            StoreEnd(e, y + i, count - i);
            sum += LoadEnd(y + i, count - i, T.Zero);
        }
        return Vector.Sum(sum);
    }

    /// <summary>The sum of exp(x - shift).</summary>
    public static T ExpSum<T>(T* x, T shift, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Vector<T> sum = default, s = new(shift);
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            sum += VectorMath.Exp(Vector.Load(x + i) - s);
        if (i < count)
            sum += VectorMath.Exp(LoadEnd(x + i, count - i, T.NegativeInfinity) - s);
        return Vector.Sum(sum);
    }

    /// <summary>The last elements of a row, fewer than a vector, with the other lanes filled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> LoadEnd<T>(T* x, long count, T fill) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var vector = new Vector<T>(fill);
        T* lanes = (T*)&vector;
        for (long i = 0; i < count; i++)
            lanes[i] = x[i];
        return vector;
    }

    /// <summary>Writes the first lanes, fewer than a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreEnd<T>(Vector<T> vector, T* y, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        T* lanes = (T*)&vector;
        for (long i = 0; i < count; i++)
            y[i] = lanes[i];
    }

    /// <summary>The first lanes, and zero in the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> KeepFirst<T>(Vector<T> vector, long count) where T : unmanaged, IFloatingPointIeee754<T> =>
        LoadEnd((T*)&vector, count, T.Zero);

    /// <summary>x * y + sum, fused where the processor does it fast.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> MultiplyAdd<T>(Vector<T> x, Vector<T> y, Vector<T> sum) where T : unmanaged, IFloatingPointIeee754<T> =>
        typeof(T) == typeof(float)
            ? Vector.MultiplyAddEstimate(x.As<T, float>(), y.As<T, float>(), sum.As<T, float>()).As<float, T>()
            : Vector.MultiplyAddEstimate(x.As<T, double>(), y.As<T, double>(), sum.As<T, double>()).As<double, T>();
}
