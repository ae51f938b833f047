using System.Numerics;
using System.Runtime.CompilerServices;

namespace PerturbedForgetting.Tensors.Random;

/// <summary>
/// Normal numbers by Box and Muller in vectors of float64, with the very bits of <see cref="Philox.Normals(uint, uint)"/>: the error of
/// the series here and of the system's functions is far below half a unit in the last place of float32, so both round to the same
/// number unless a boundary of rounding lies within that error, and then the system's functions decide.
/// </summary>
static unsafe class NormalPairs
{
    // Of the radius: the angle of the scalar form is rounded twice (1e-15), series and functions err by less than 4e-16 each.
    const double Error = 4e-15;

    /// <summary>Normals of pairs of words.</summary>
    /// <param name="words">An even number of words.</param>
    /// <param name="normals">As many numbers, or one less.</param>
    public static void Fill(ReadOnlySpan<uint> words, Span<float> normals)
    {
        // Two passes of short chains overlap better than one of long chains.
        const int Length = 256;
        double* radii = stackalloc double[Length / 2];
        while (normals.Length >= Vector<uint>.Count)
        {
            int count = Math.Min(Length, normals.Length) / Vector<uint>.Count * Vector<uint>.Count;
            fixed (uint* source = words)
            fixed (float* target = normals)
            {
                for (int i = 0; i < count; i += Vector<uint>.Count)
                    Radius(source + i).Store(radii + (i / 2));
                for (int i = 0; i < count; i += Vector<uint>.Count)
                {
                    if (!TryVector(source + i, Vector.Load(radii + (i / 2)), target + i))
                        EachPair(words.Slice(i, Vector<uint>.Count), normals.Slice(i, Vector<uint>.Count));
                }
            }
            words = words[count..];
            normals = normals[count..];
        }
        EachPair(words, normals);
    }

    static void EachPair(ReadOnlySpan<uint> words, Span<float> normals)
    {
        for (int i = 0; i < normals.Length; i += 2)
        {
            var (first, second) = Philox.Normals(words[i], words[i + 1]);
            normals[i] = first;
            if (i + 1 < normals.Length)
                normals[i + 1] = second;
        }
    }

    /// <summary>A vector of numbers; false where one of them is too near to a boundary of rounding.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static bool TryVector(uint* words, Vector<double> radius, float* normals)
    {
        Turn(Vector.Load((ulong*)words) >>> 32, out var sine, out var cosine);
        Vector<double> x = radius * cosine, y = radius * sine;
        // The smallest part tells +0 from -0, the sign of which hangs on the last bits of the angle.
        var error = Vector.MultiplyAddEstimate(radius, new Vector<double>(Error), new Vector<double>(1e-60));
        var low = Vector.Narrow(x - error, y - error).As<float, uint>();
        var high = Vector.Narrow(x + error, y + error).As<float, uint>();
        // The first half of the lanes are the cosines, the second the sines.
        Vector.Widen(high, out var even, out var odd);
        (even | (odd << 32)).Store((ulong*)normals);
        return Vector.EqualsAll(low, high);
    }

    /// <summary>sqrt(-2 log u) of u = (word / 2^8 + 1) / 2^24, of the first word of each pair.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<double> Radius(uint* words)
    {
        // A pair is a lane of 64 bits, with the first word in the lower half.
        var u = ToDouble(((Vector.Load((ulong*)words) >>> 8) & new Vector<ulong>(0xFFFFFF)) + Vector<ulong>.One);
        // u = 2^n f with f from sqrt(1/2) to sqrt(2), so that nothing cancels where u is near 2^24.
        var half = new Vector<ulong>(0x3FE6A09E667F3BCD);
        var bits = u.As<double, ulong>() - half;
        var n = ToDouble(bits >>> 52) - new Vector<double>(24);
        var f = ((bits & new Vector<ulong>(0xFFFFFFFFFFFFF)) + half).As<ulong, double>();
        // log f = 2 artanh s, s at most 0.172.
        var s = (f - Vector<double>.One) / (f + Vector<double>.One);
        var z = s * s;
        var p = Vector.MultiplyAddEstimate(z, new Vector<double>(1 / 19.0), new Vector<double>(1 / 17.0));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<double>(1 / 15.0));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<double>(1 / 13.0));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<double>(1 / 11.0));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<double>(1 / 9.0));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<double>(1 / 7.0));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<double>(1 / 5.0));
        p = Vector.MultiplyAddEstimate(p, z, new Vector<double>(1 / 3.0));
        p = Vector.MultiplyAddEstimate(p, z, Vector<double>.One);
        var log = Vector.MultiplyAddEstimate(n, new Vector<double>(0.6931471805599453), (s + s) * p);
        return Vector.SquareRoot(log * new Vector<double>(-2));
    }

    /// <summary>Sine and cosine of word / 2^32 turns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Turn(Vector<ulong> word, out Vector<double> sine, out Vector<double> cosine)
    {
        // The nearest quarter turn, and what is left, at most an eighth of a turn either way.
        var quarter = (word + new Vector<ulong>(1 << 29)) >>> 30;
        var rest = ToDouble(word + new Vector<ulong>(1 << 29) - (quarter << 30)) - new Vector<double>(1 << 29);
        var angle = rest * new Vector<double>(2 * Math.PI / 4294967296.0);
        var z = angle * angle;
        // Taylor series; the first terms left out are below 1e-18 of the result.
        var odd = Vector.MultiplyAddEstimate(z, new Vector<double>(1 / 355687428096000.0), new Vector<double>(-1 / 1307674368000.0));
        odd = Vector.MultiplyAddEstimate(odd, z, new Vector<double>(1 / 6227020800.0));
        odd = Vector.MultiplyAddEstimate(odd, z, new Vector<double>(-1 / 39916800.0));
        odd = Vector.MultiplyAddEstimate(odd, z, new Vector<double>(1 / 362880.0));
        odd = Vector.MultiplyAddEstimate(odd, z, new Vector<double>(-1 / 5040.0));
        odd = Vector.MultiplyAddEstimate(odd, z, new Vector<double>(1 / 120.0));
        odd = Vector.MultiplyAddEstimate(odd, z, new Vector<double>(-1 / 6.0));
        odd = Vector.MultiplyAddEstimate(odd, z, Vector<double>.One);
        odd *= angle;
        var even = Vector.MultiplyAddEstimate(z, new Vector<double>(1 / 20922789888000.0), new Vector<double>(-1 / 87178291200.0));
        even = Vector.MultiplyAddEstimate(even, z, new Vector<double>(1 / 479001600.0));
        even = Vector.MultiplyAddEstimate(even, z, new Vector<double>(-1 / 3628800.0));
        even = Vector.MultiplyAddEstimate(even, z, new Vector<double>(1 / 40320.0));
        even = Vector.MultiplyAddEstimate(even, z, new Vector<double>(-1 / 720.0));
        even = Vector.MultiplyAddEstimate(even, z, new Vector<double>(1 / 24.0));
        even = Vector.MultiplyAddEstimate(even, z, new Vector<double>(-1 / 2.0));
        even = Vector.MultiplyAddEstimate(even, z, Vector<double>.One);
        var swap = Vector.Equals(quarter & Vector<ulong>.One, Vector<ulong>.One).As<ulong, double>();
        // The sign of the sine is that of the upper half of a turn, of the cosine that of the two quarters in the middle.
        var half = (quarter & new Vector<ulong>(2)) << 62;
        var middle = ((quarter + Vector<ulong>.One) & new Vector<ulong>(2)) << 62;
        sine = (Vector.ConditionalSelect(swap, even, odd).As<double, ulong>() ^ half).As<ulong, double>();
        cosine = (Vector.ConditionalSelect(swap, odd, even).As<double, ulong>() ^ middle).As<ulong, double>();
    }

    /// <summary>Integers below 2^52, exactly: their bits below the exponent of 2^52.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector<double> ToDouble(Vector<ulong> x) =>
        (x | new Vector<ulong>(0x4330000000000000)).As<ulong, double>() - new Vector<double>(4503599627370496.0);
}
