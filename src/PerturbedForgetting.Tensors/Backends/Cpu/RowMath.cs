using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
        Vector<T> max = new(T.NegativeInfinity), other = max;
        long i = 0;
        for (; i <= count - 2 * Vector<T>.Count; i += 2 * Vector<T>.Count)
        {
            max = Vector.MaxNative(max, Vector.Load(x + i));
            other = Vector.MaxNative(other, Vector.Load(x + i + Vector<T>.Count));
        }
        max = Vector.MaxNative(max, other);
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            max = Vector.MaxNative(max, Vector.Load(x + i));
        if (i < count)
            max = Vector.MaxNative(max, LoadEnd(x + i, count - i, T.NegativeInfinity));
        return Largest(max);
    }

    /// <summary>The largest lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Largest<T>(Vector<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (Vector<byte>.Count == Vector256<byte>.Count)
            return Largest(Vector128.MaxNative(x.AsVector256().GetLower(), x.AsVector256().GetUpper()));
        if (Vector<byte>.Count == Vector128<byte>.Count)
            return Largest(x.AsVector128());
        var result = x[0];
        for (int lane = 1; lane < Vector<T>.Count; lane++)
            result = T.MaxNative(result, x[lane]);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Largest<T>(Vector128<T> x) where T : unmanaged, IFloatingPointIeee754<T>
    {
        x = Vector128.MaxNative(x, Vector128.Shuffle(x.AsInt64(), Vector128.Create(1L, 0)).As<long, T>());
        if (typeof(T) == typeof(float))
            x = Vector128.MaxNative(x, Vector128.Shuffle(x.AsInt32(), Vector128.Create(1, 0, 3, 2)).As<int, T>());
        return x.ToScalar();
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
        if (i < count)
            StoreEnd(LoadEnd(a + i, count - i, T.Zero) + LoadEnd(b + i, count - i, T.Zero), y + i, count - i);
    }

    /// <summary>y = factor * x.</summary>
    public static void Scale<T>(T* x, T factor, T* y, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var f = new Vector<T>(factor);
        long i = 0;
        for (; i <= count - Vector<T>.Count; i += Vector<T>.Count)
            (Vector.Load(x + i) * f).Store(y + i);
        if (i < count)
            StoreEnd(LoadEnd(x + i, count - i, T.Zero) * f, y + i, count - i);
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
            sum += KeepFirst(e, count - i);
        }
        return Vector.Sum(sum);
    }

    /// <summary>x = exp(scale * (x - max)) of some rows, pass by pass, so that no row waits for the maximum of the one before.</summary>
    /// <param name="x">The rows.</param>
    /// <param name="width">Elements of a row, and from one to the next.</param>
    /// <param name="rows">How many.</param>
    /// <param name="scale">A factor above 0.</param>
    /// <param name="maxima">Takes the largest element of each row.</param>
    /// <param name="sums">Takes the sum of each row.</param>
    public static void ExpSums<T>(T* x, long width, int rows, T scale, T* maxima, T* sums) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < rows; i++)
            maxima[i] = Max(x + (i * width), width);
        for (int i = 0; i < rows; i++)
            sums[i] = ExpSum(x + (i * width), maxima[i], scale, x + (i * width), width);
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
        if (IsMasked)
        {
            var first = First<T>(count);
            var loaded = typeof(T) == typeof(float)
                ? Avx.MaskLoad((float*)x, first.AsVector256().AsSingle()).As<float, T>()
                : Avx.MaskLoad((double*)x, first.AsVector256().AsDouble()).As<double, T>();
            return Vector.ConditionalSelect(first, loaded.AsVector(), vector);
        }
        return LoadLanes(x, count, vector);
    }

    // On its own, so that where masks serve, no vector has to lie in memory.
    static Vector<T> LoadLanes<T>(T* x, long count, Vector<T> vector) where T : unmanaged
    {
        T* lanes = (T*)&vector;
        for (long i = 0; i < count; i++)
            lanes[i] = x[i];
        return vector;
    }

    /// <summary>Writes the first lanes, fewer than a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreEnd<T>(Vector<T> vector, T* y, long count) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (IsMasked)
        {
            // In halves: on some processors a store with a mask takes longer than all of them.
            var part = vector.AsVector256().GetLower();
            if (count >= Vector128<T>.Count)
            {
                part.Store(y);
                part = vector.AsVector256().GetUpper();
                y += Vector128<T>.Count;
                count -= Vector128<T>.Count;
            }
            if (typeof(T) == typeof(float) && count >= 2)
            {
                *(double*)y = part.AsDouble().ToScalar();
                part = Vector128.Shuffle(part.AsInt64(), Vector128.Create(1L, 1)).As<long, T>();
                y += 2;
                count -= 2;
            }
            if (count > 0)
                *y = part.ToScalar();
            return;
        }
        StoreLanes(vector, y, count);
    }

    static void StoreLanes<T>(Vector<T> vector, T* y, long count) where T : unmanaged
    {
        T* lanes = (T*)&vector;
        for (long i = 0; i < count; i++)
            y[i] = lanes[i];
    }

    /// <summary>The first lanes, and zero in the others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> KeepFirst<T>(Vector<T> vector, long count) where T : unmanaged, IFloatingPointIeee754<T> =>
        IsMasked ? vector & First<T>(count) : KeepLanes(vector, count);

    static Vector<T> KeepLanes<T>(Vector<T> vector, long count) where T : unmanaged => LoadLanes((T*)&vector, count, Vector<T>.Zero);

    static bool IsMasked => Avx2.IsSupported && Vector<byte>.Count == Vector256<byte>.Count;

    /// <summary>All bits in the first lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<T> First<T>(long count) where T : unmanaged, IFloatingPointIeee754<T> => typeof(T) == typeof(float)
        ? Vector256.LessThan(Vector256<int>.Indices, Vector256.Create((int)count)).As<int, T>().AsVector()
        : Vector256.LessThan(Vector256<long>.Indices, Vector256.Create(count)).As<long, T>().AsVector();

    /// <summary>x * y + sum, fused where the processor does it fast.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> MultiplyAdd<T>(Vector<T> x, Vector<T> y, Vector<T> sum) where T : unmanaged, IFloatingPointIeee754<T> =>
        typeof(T) == typeof(float)
            ? Vector.MultiplyAddEstimate(x.As<T, float>(), y.As<T, float>(), sum.As<T, float>()).As<float, T>()
            : Vector.MultiplyAddEstimate(x.As<T, double>(), y.As<T, double>(), sum.As<T, double>()).As<double, T>();
}
