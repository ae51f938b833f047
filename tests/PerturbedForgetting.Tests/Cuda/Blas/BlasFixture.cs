using System.Collections;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;

namespace PerturbedForgetting.Tests.Cuda.Blas;

/// <summary>The devices on which the tests of cuBLAS run: <c>sim</c> always, <c>cuda</c> where there are a GPU and the libraries.</summary>
sealed class BlasDevices : IEnumerable<string>
{
    public IEnumerator<string> GetEnumerator()
    {
        yield return "sim";
        if (KernelDevices.Gpus.Count > 0 && CublasApi.Installed.WhyUnusable is null && CublasLtApi.Installed.WhyUnusable is null)
            yield return "cuda";
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>A sum of products in float64 with what its error depends on.</summary>
/// <param name="Value">The sum.</param>
/// <param name="Magnitude">The sum of the terms' absolute values.</param>
/// <param name="Terms">Their number.</param>
readonly record struct ExactSum(double Value, double Magnitude, int Terms)
{
    public static ExactSum operator +(ExactSum sum, double term) => new(sum.Value + term, sum.Magnitude + Math.Abs(term), sum.Terms + 1);
}

/// <summary>Base of the tests of cuBLAS: the libraries on a device's stream, with a workspace.</summary>
abstract class BlasFixture(string deviceName) : KernelFixture(deviceName)
{
    protected const long WorkspaceBytes = 1 << 20;

    protected Cublas Cublas { get; private set; } = null!;

    protected CublasLt CublasLt { get; private set; } = null!;

    protected DeviceBuffer<byte> Workspace { get; private set; } = null!;

    [SetUp]
    public void OpenLibraries()
    {
        Workspace = Scratch<byte>(WorkspaceBytes);
        Cublas = new Cublas(Context, Simulated?.Cublas ?? CublasApi.Installed);
        CublasLt = new CublasLt(Context, Simulated?.CublasLt ?? CublasLtApi.Installed);
        Cublas.SetStream(Stream);
        Cublas.SetWorkspace(Workspace, WorkspaceBytes);
    }

    [TearDown]
    public void CloseLibraries()
    {
        Cublas.Dispose();
        CublasLt.Dispose();
    }

    /// <summary>Each element within what rounding may do: the software GPU sums in float64 and rounds once, 2⁻²⁴ of the sum; a real one
    /// rounds each partial sum, 2⁻²⁴ of at most the magnitude, and cuts factors to 10 bits of mantissa for TF32, 2⁻¹⁰ of each.</summary>
    protected void AssertSums(ReadOnlySpan<float> actual, ReadOnlySpan<ExactSum> expected, bool isTf32 = false)
    {
        Assert.That(actual.Length, Is.EqualTo(expected.Length));
        for (int i = 0; i < actual.Length; i++)
        {
            (double value, double magnitude, int terms) = expected[i];
            double bound = IsSimulated ? Math.ScaleB(Math.Abs(value), -24) + Math.ScaleB(magnitude * terms, -52)
                : Math.ScaleB(magnitude * terms, -24) + (isTf32 ? Math.ScaleB(magnitude, -9) : 0);
            if (!(Math.Abs(actual[i] - value) <= bound))
                Assert.Fail($"element {i} of {actual.Length} is {actual[i]:R}, not {value:R}: off by {Math.Abs(actual[i] - value):R}, "
                    + $"allowed {bound:R}");
        }
    }

    /// <summary>A factor as TF32 has it: 10 bits of mantissa, ties away from zero.</summary>
    protected static float ToTf32(float x) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x1000) & 0xffff_e000);
}
