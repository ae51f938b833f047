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

    /// <summary>Each element within what rounding may do (<see cref="SumBound"/>). The software GPU rounds factors to TF32 as
    /// <see cref="ToTf32"/> does, so that the exact sum can be of the rounded ones; real ones may cut them.</summary>
    protected void AssertSums(ReadOnlySpan<float> actual, ReadOnlySpan<ExactSum> expected, bool isTf32 = false)
    {
        SumUnits units = !isTf32 ? SumUnits.Float32 : IsSimulated ? SumUnits.TensorCores : SumUnits.TensorCoresCutFactors;
        Assert.That(actual.Length, Is.EqualTo(expected.Length));
        for (int i = 0; i < actual.Length; i++)
        {
            (double value, double magnitude, int terms) = expected[i];
            double bound = SumBound.Of(magnitude, terms, units);
            // An element that is not computed is what it was.
            if (!(Math.Abs(actual[i] - value) <= bound))
                Assert.Fail($"element {i} of {actual.Length} is {actual[i]:R}, not {value:R}: off by {Math.Abs(actual[i] - value):R}, "
                    + $"allowed {bound:R}");
        }
    }

    /// <summary>A factor as TF32 has it: 10 bits of mantissa, ties away from zero.</summary>
    protected static float ToTf32(float x) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x1000) & 0xffff_e000);
}
