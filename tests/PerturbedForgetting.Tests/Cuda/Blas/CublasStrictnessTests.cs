using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Blas;

/// <summary>What cuBLAS of the software GPU refuses, and with which status.</summary>
sealed unsafe class CublasStrictnessTests
{
    const CublasOperation Transpose = CublasOperation.Transpose;

    RawBlas blas = null!;
    nint handle;

    [SetUp]
    public void Open() => handle = (blas = new RawBlas()).Create();

    [TearDown]
    public void Close() => blas.Dispose();

    static IEnumerable<TestCaseData> Wrong()
    {
        yield return Case("leading dimension of A", new GemmCall { Lda = 2 }, "3 rows");
        yield return Case("leading dimension of a transposed A", new GemmCall { TransposeA = Transpose, Lda = 4 }, "5 rows");
        yield return Case("leading dimension of B", new GemmCall { Ldb = 4 }, "5 rows");
        yield return Case("leading dimension of a transposed B", new GemmCall { TransposeB = Transpose, Ldb = 3 }, "4 rows");
        yield return Case("leading dimension of C", new GemmCall { Ldc = 2 }, "3 rows");
        yield return Case("leading dimension of nothing", new GemmCall { M = 0, Lda = 0 }, "0 rows");
        yield return Case("m", new GemmCall { M = -1 }, "m = -1");
        yield return Case("n", new GemmCall { N = -1 }, "n = -1");
        yield return Case("k", new GemmCall { K = -1 }, "k = -1");
        yield return Case("batch", new GemmCall { Batch = -1 }, "batch of -1");
        yield return Case("operation", new GemmCall { TransposeA = (CublasOperation)9 }, "9 is no operation");
        yield return Case("A", new GemmCall { A = 0 }, "A is null");
        yield return Case("B", new GemmCall { B = 0 }, "B is null");
        yield return Case("C", new GemmCall { C = 0 }, "is null");
        yield return Case("alpha", new GemmCall { HasAlpha = false }, "alpha");
        yield return Case("beta", new GemmCall { HasBeta = false }, "beta");
        yield return Case("stride of A", new GemmCall { StrideA = -1, StrideC = 12 }, "negative");
        yield return Case("matrices that overlap", new GemmCall { Batch = 2, StrideC = 11 }, "overlap at a stride of 11");
        yield return Case("data type", new GemmCall { Type = CudaDataType.Float16 }, "data type 2", CublasStatus.NotSupported);
        yield return Case("compute type", new GemmCall { Compute = (CublasComputeType)64 }, "64", CublasStatus.NotSupported);
        yield return Case("algorithm", new GemmCall { Algorithm = (CublasGemmAlgorithm)3 }, "algorithm 3", CublasStatus.NotSupported);

        static TestCaseData Case(string name, GemmCall call, string finding, CublasStatus status = CublasStatus.InvalidValue) =>
            new TestCaseData(call, finding, status).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Wrong))]
    public void AWrongArgumentIsRefused(object call, string finding, CublasStatus status)
    {
        Assert.That(blas.Gemm(handle, new GemmCall()), Is.EqualTo(CublasStatus.Success));
        Assert.That(blas.Gemm(handle, (GemmCall)call), Is.EqualTo(status));
        Assert.That(blas.Finding, Does.Contain(finding));
        Assert.That(blas.Gpu.Driver.PendingOperations, Is.EqualTo(1));
    }

    [Test]
    public void AMisalignedMatrixIsRefused()
    {
        Assert.That(blas.Gemm(handle, new GemmCall { A = blas.A.Pointer.Address + 2 }), Is.EqualTo(CublasStatus.InvalidValue));
        Assert.That(blas.Finding, Does.Contain("not a multiple of 4"));
    }

    [Test]
    public void EmptyProductsDoNothing()
    {
        foreach (GemmCall call in new[] { new GemmCall { M = 0, C = 0 }, new GemmCall { N = 0, C = 0 }, new GemmCall { Batch = 0, C = 0 } })
            Assert.That(blas.Gemm(handle, call), Is.EqualTo(CublasStatus.Success));
        Assert.That(blas.Gpu.Driver.PendingOperations, Is.Zero);
    }

    [Test]
    public void AHandleOfNothingIsRefused()
    {
        Assert.That(blas.Gemm(12345, new GemmCall()), Is.EqualTo(CublasStatus.NotInitialized));
        Assert.That(blas.Api.Create(null), Is.EqualTo(CublasStatus.InvalidValue));
        Assert.That(blas.Api.Destroy(handle), Is.EqualTo(CublasStatus.Success));
        Assert.That(blas.Gemm(handle, new GemmCall()), Is.EqualTo(CublasStatus.NotInitialized));
        Assert.That(blas.Finding, Does.Contain("destroyed"));
        Assert.That(blas.Api.SetStream(handle, 0), Is.EqualTo(CublasStatus.NotInitialized));
        Assert.That(blas.Api.SetWorkspace(handle, 0, 0), Is.EqualTo(CublasStatus.NotInitialized));
        Assert.That(blas.Api.Destroy(handle), Is.EqualTo(CublasStatus.NotInitialized));
    }

    [Test]
    public void AHandleOfAnotherContextIsRefused()
    {
        using var other = new SmallGpu();
        Assert.That(blas.Gemm(handle, new GemmCall()), Is.EqualTo(CublasStatus.NotInitialized));
        Assert.That(blas.Finding, Does.Contain("another context"));
    }

    [Test]
    public void WithoutAContextNothingStarts()
    {
        CublasStatus status = CublasStatus.Success;
        var thread = new Thread(() =>
        {
            nint made;
            status = blas.Api.Create(&made);
        });
        thread.Start();
        thread.Join();
        Assert.That(status, Is.EqualTo(CublasStatus.NotInitialized));
    }

    [Test]
    public void AStreamThatIsDestroyedIsRefused()
    {
        PerturbedForgetting.Cuda.CudaStream stream = blas.Gpu.Context.CreateStream();
        nint number = stream.Handle;
        Assert.That(blas.Api.SetStream(handle, number), Is.EqualTo(CublasStatus.Success));
        stream.Dispose();
        Assert.That(blas.Gemm(handle, new GemmCall()), Is.EqualTo(CublasStatus.ExecutionFailed));
        Assert.That(blas.Api.SetStream(handle, number), Is.EqualTo(CublasStatus.ExecutionFailed));
    }

    [Test]
    public void AWorkspaceIsAligned()
    {
        ulong workspace = blas.Workspace.Pointer.Address;
        Assert.That(blas.Api.SetWorkspace(handle, workspace, 4096), Is.EqualTo(CublasStatus.Success));
        Assert.That(blas.Api.SetWorkspace(handle, workspace + 128, 1024), Is.EqualTo(CublasStatus.InvalidValue));
        Assert.That(blas.Api.SetWorkspace(handle, 0, 1024), Is.EqualTo(CublasStatus.InvalidValue));
        Assert.That(blas.Api.SetWorkspace(handle, 0, 0), Is.EqualTo(CublasStatus.Success));
    }

    [Test]
    public void ModesAndPropertiesAreKnownOnes()
    {
        int value;
        Assert.That(blas.Api.SetAtomicsMode(handle, (CublasAtomicsMode)2), Is.EqualTo(CublasStatus.InvalidValue));
        Assert.That(blas.Api.GetProperty((CudaLibraryProperty)3, &value), Is.EqualTo(CublasStatus.InvalidValue));
        Assert.That(blas.Api.GetProperty(CudaLibraryProperty.MajorVersion, null), Is.EqualTo(CublasStatus.InvalidValue));
    }
}
