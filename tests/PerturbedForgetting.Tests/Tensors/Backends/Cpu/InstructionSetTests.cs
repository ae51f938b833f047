using System.Diagnostics;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cpu;

/// <summary>
/// What the processor computes is right with every set of instructions: products and convolutions choose theirs in <see cref="SimdLevel"/>,
/// all else leaves it to the JIT compiler, which decides once a process. So the tests of operations and of image decoding run again in
/// processes of their own that the runtime's switches hold to less than this processor has, or to vectors longer than it prefers.
/// </summary>
[TestFixture, Parallelizable(ParallelScope.All)]
sealed class InstructionSetTests
{
    const string Operations = """Tests\.Tensors\.(OpsTests|MultiTensor)\..*\("cpu"\)""";
    const string Products = @"VectorMathTests|GemmTests\.MatchesDoubleReference\((False,True,False|True,False,True)";
    const string Images = @"Vision\.(DecodeReferenceTests|PngDecoderTests|ResamplerTests|TransformReferenceTests\.ResizedCrop)";

    /// <summary>What looks at parts of images and at thousands of them, for levels that there are processors of.</summary>
    const string MoreImages = @"Vision\.(ImageDifferentialTests|PartialDecodingTests\.(PartsOf|Transforms)|JpegPartsTests)";

    const string NoIntrinsics = "EnableHWIntrinsic";

    static readonly TimeSpan limit = TimeSpan.FromMinutes(8);

    static IEnumerable<TestCaseData> Levels()
    {
        if (SimdLevel.Supported == SimdKind.Avx512)
        {
            yield return new("MaxVectorTBitWidth", "512", SimdKind.Avx512, 512);
            yield return new("EnableAVX512", "0", SimdKind.Avx2, 256);
        }
        // Processors of before 2013; what they run differs from the last only in what the runtime itself makes of it.
        if (SimdLevel.Supported > SimdKind.Portable && EnvironmentVariables.AllTests.Value == "1")
            yield return new("EnableAVX2", "0", SimdKind.Portable, 128);
        // Nothing that only some processors have, as far as the runtime allows: what arm64 runs, but for its own extensions.
        yield return new(NoIntrinsics, "0", SimdKind.Portable, 128);
    }

    [TestCaseSource(nameof(Levels))]
    public void OperationsAndImagesAreRight(string variable, string value, SimdKind kernels, int vectorBits)
    {
        string tests = $"{Operations}|{Products}|{Images}" + (variable == NoIntrinsics ? "" : $"|{MoreImages}");
        ProcessStartInfo start = new(SourceTree.Dotnet, ["exec", typeof(TestRun).Assembly.Location, "--filter", tests])
        {
            WorkingDirectory = TestContext.CurrentContext.TestDirectory,
        };
        start.Environment.Remove(SimdLevel.Variable);
        start.Environment[$"DOTNET_{variable}"] = value;
        // The runtime's own code is compiled anew at a lower level; profiles of it would not pay in a run this short.
        start.Environment["DOTNET_TieredPGO"] = "0";
        var (exitCode, output) = ChildProcess.Run(start, limit);
        Assert.Multiple(() =>
        {
            Assert.That(output, Does.StartWith(TestRun.Describe(kernels, vectorBits)), "the level asked for");
            Assert.That(exitCode, Is.Zero, output);
        });
    }
}
