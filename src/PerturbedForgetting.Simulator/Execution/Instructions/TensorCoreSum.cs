using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>
/// Sums of products as tensor cores make them (M. Fasi, N. Higham, M. Mikaitis, S. Pranesh, "Numerical behavior of NVIDIA tensor cores",
/// PeerJ Computer Science 7:e330, 2021): products are exact; those of a few terms and the sum so far are aligned to the greatest exponent
/// among them; what lies below the last place is cut off, from each of them and from their sum, which is a float32. Cards keep one to three
/// places below those of float32; here there are none, so that no card is less exact: of n terms each step errs by less than (n + 2) · 2⁻²³
/// of the greatest of them, always towards zero.
/// </summary>
static unsafe class TensorCoreSum
{
    /// <summary>Terms that are added at once on Ampere.</summary>
    public const int TermsOfTf32 = 4, TermsOf16Bits = 8;

    // Of the bits of a float64.
    const int MantissaBits = 52, FloatBits = 23, Bias = 1023;
    const long ExponentMask = 0x7ffL << MantissaBits, BelowFloat = (1L << (MantissaBits - FloatBits)) - 1;

    // Last places are not finer than those of the smallest normal float32.
    const double LeastMagnitude = 1.1754943508222875e-38;

    /// <summary>Sums of four columns: sum + Σ a[p] · b[p].</summary>
    /// <param name="sum">The sums so far, of float32.</param>
    /// <param name="a">A row of the left factor.</param>
    /// <param name="b">Four columns of the right factor.</param>
    /// <param name="stride">Elements from one row of it to the next.</param>
    /// <param name="terms">Number of terms.</param>
    /// <param name="atOnce">Terms that are added at once.</param>
    public static Vector256<double> Add(Vector256<double> sum, double* a, double* b, int stride, int terms, int atOnce)
    {
        for (int first = 0; first < terms; first += atOnce, a += atOnce, b += atOnce * stride)
            sum = Step(sum, a, b, stride, atOnce);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector256<double> Step(Vector256<double> sum, double* a, double* b, int stride, int terms)
    {
        Vector256<double> greatest = Vector256.Max(Vector256.Abs(sum), Vector256.Create(LeastMagnitude)), plain = sum;
        for (int p = 0; p < terms; p++)
        {
            Vector256<double> product = Vector256.Create(a[p]) * Vector256.Load(b + (p * stride));
            greatest = Vector256.MaxNative(greatest, Vector256.Abs(product));
            plain += product;
        }
        // Powers of two: the last place of the greatest term as a float32, and its inverse.
        Vector256<long> exponent = greatest.AsInt64() & Vector256.Create(ExponentMask);
        Vector256<double> unit = (exponent - Vector256.Create((long)FloatBits << MantissaBits)).AsDouble();
        Vector256<double> scale = (Vector256.Create((long)((2 * Bias) + FloatBits) << MantissaBits) - exponent).AsDouble();
        Vector256<double> places = Vector256.Truncate(sum * scale);
        for (int p = 0; p < terms; p++)
            places += Vector256.Truncate(Vector256.Create(a[p]) * Vector256.Load(b + (p * stride)) * scale);
        Vector256<double> cut = (places.AsInt64() & Vector256.Create(~BelowFloat)).AsDouble() * unit;
        // What is no number, and what is infinite, is so in any order.
        return Vector256.ConditionalSelect(Vector256.Equals(plain - plain, Vector256<double>.Zero), cut, plain);
    }
}
