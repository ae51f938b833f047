using PerturbedForgetting.Cuda.Blas;

namespace PerturbedForgetting.Tests.Cuda.Blas;

/// <summary>What cuBLASLt of the software GPU refuses, and with which status.</summary>
sealed unsafe class CublasLtStrictnessTests
{
    RawBlas blas = null!;
    nint handle, description, layoutA, layoutB, layoutD, preference;

    [SetUp]
    public void Open()
    {
        blas = new RawBlas();
        nint made;
        Expect(CublasStatus.Success, blas.Lt.Create(&made));
        handle = made;
        Expect(CublasStatus.Success, blas.Lt.MatmulDescCreate(&made, CublasComputeType.Float32, CudaDataType.Float32));
        description = made;
        Expect(CublasStatus.Success, blas.Lt.MatmulPreferenceCreate(&made));
        preference = made;
        (layoutA, layoutB, layoutD) = (Layout(RawBlas.M, RawBlas.K), Layout(RawBlas.K, RawBlas.N), Layout(RawBlas.M, RawBlas.N));
    }

    [TearDown]
    public void Close() => blas.Dispose();

    [Test]
    public void ARightProductRuns()
    {
        CublasLtAlgorithm algorithm = Choose().Algorithm;
        Expect(CublasStatus.Success, Matmul(algorithm));
        Assert.That(blas.C.ToArray(), Is.All.EqualTo((float)RawBlas.K));
    }

    [Test]
    public void AnEpilogueNeedsItsVector()
    {
        foreach (CublasLtEpilogue epilogue in new[] { CublasLtEpilogue.Bias, CublasLtEpilogue.BiasGradientB })
        {
            Set(CublasLtMatmulAttribute.Epilogue, epilogue);
            Set(CublasLtMatmulAttribute.BiasPointer, 0ul);
            Expect(CublasStatus.InvalidValue, Heuristic(out _), "vector of epilogue");
            Set(CublasLtMatmulAttribute.BiasPointer, blas.A.Pointer.Address);
            CublasLtAlgorithm algorithm = Choose().Algorithm;
            Set(CublasLtMatmulAttribute.BiasPointer, 0ul);
            Expect(CublasStatus.InvalidValue, Matmul(algorithm), "vector of epilogue");
            Set(CublasLtMatmulAttribute.BiasPointer, blas.A.Pointer.Address + 2);
            Expect(CublasStatus.InvalidValue, Matmul(algorithm), "not a multiple of 4");
        }
        Set(CublasLtMatmulAttribute.Epilogue, 32u);
        Expect(CublasStatus.NotSupported, Heuristic(out _), "epilogue 32");
    }

    /// <summary>Long sums are split where a workspace allows it; without the preference none is allowed.</summary>
    [Test]
    public void AWorkspaceIsLargeEnoughAndAligned()
    {
        DescribeLongSums();
        Assert.That(Choose().WorkspaceBytes, Is.EqualTo((nuint)0));
        Prefer(CublasLtPreferenceAttribute.MaxWorkspaceBytes, 4096ul);
        CublasLtHeuristicResult split = Choose();
        Assert.That(split.WorkspaceBytes, Is.EqualTo((nuint)8));
        ulong workspace = blas.Workspace.Pointer.Address;
        Expect(CublasStatus.InvalidValue, Matmul(split.Algorithm, workspace, split.WorkspaceBytes - 1), "needs a workspace");
        Expect(CublasStatus.InvalidValue, Matmul(split.Algorithm, 0, split.WorkspaceBytes), "is null");
        Expect(CublasStatus.InvalidValue, Matmul(split.Algorithm, workspace + 64, split.WorkspaceBytes), "not a multiple of 256");
        Expect(CublasStatus.Success, Matmul(split.Algorithm, workspace, split.WorkspaceBytes));
        // Sums in place, in any order, need none.
        Prefer(CublasLtPreferenceAttribute.ReductionSchemeMask, CublasLtReduction.InPlace);
        Assert.That(Choose().WorkspaceBytes, Is.EqualTo((nuint)0));
    }

    [Test]
    public void AnAlgorithmIsOfItsProduct()
    {
        CublasLtAlgorithm algorithm = Choose().Algorithm;
        Expect(CublasStatus.InvalidValue, Matmul(default), "does not come from this library");
        (nint a, nint b) = (layoutA, layoutB);
        DescribeLongSums();
        Expect(CublasStatus.InvalidValue, Matmul(algorithm), "another product");
        (layoutA, layoutB) = (a, b);
        layoutD = Layout(RawBlas.M, RawBlas.N);
        Expect(CublasStatus.Success, Matmul(algorithm));
    }

    [Test]
    public void AddressesAreAsAlignedAsWasSaid()
    {
        CublasLtAlgorithm strict = Choose().Algorithm;
        ulong a = blas.A.Pointer.Address + 4;
        Expect(CublasStatus.NotSupported, Matmul(strict, a: a), "not a multiple of 256");
        Prefer(CublasLtPreferenceAttribute.MinAlignmentA, 4u);
        Expect(CublasStatus.Success, Matmul(Choose().Algorithm, a: a));
    }

    [Test]
    public void SizesFitTogether()
    {
        CublasLtAlgorithm algorithm = Choose().Algorithm;
        nint right = layoutB;
        layoutB = Layout(RawBlas.K + 1, RawBlas.N);
        Expect(CublasStatus.InvalidValue, Heuristic(out _), "op(A) has 5 columns, op(B) 6 rows");
        Expect(CublasStatus.InvalidValue, Matmul(algorithm), "op(A) has 5 columns, op(B) 6 rows");
        layoutB = right;
        layoutD = Layout(RawBlas.N, RawBlas.M);
        Expect(CublasStatus.InvalidValue, Heuristic(out _), "is 3 by 4, C 4 by 3");
        layoutD = Layout(RawBlas.M, RawBlas.N, leading: RawBlas.M - 1);
        Expect(CublasStatus.InvalidValue, Heuristic(out _), "leading dimension of C is 2");
        layoutD = Layout(RawBlas.M, 0);
        Expect(CublasStatus.InvalidValue, Heuristic(out _), "3 by 0");
    }

    [Test]
    public void TypesAreKnownOnes()
    {
        nint made;
        Expect(CublasStatus.NotSupported, blas.Lt.MatmulDescCreate(&made, (CublasComputeType)64, CudaDataType.Float32), "64");
        Expect(CublasStatus.NotSupported, blas.Lt.MatmulDescCreate(&made, CublasComputeType.Float32, CudaDataType.Float16), "data type 2");
        Expect(CublasStatus.Success, blas.Lt.MatrixLayoutCreate(&made, CudaDataType.BFloat16, RawBlas.M, RawBlas.K, RawBlas.M));
        layoutA = made;
        Expect(CublasStatus.NotSupported, Heuristic(out _), "data type 14");
    }

    [Test]
    public void AttributesHaveTheirSize()
    {
        int value = 0;
        Expect(CublasStatus.InvalidValue,
            blas.Lt.MatmulDescSetAttribute(description, CublasLtMatmulAttribute.BiasPointer, &value, sizeof(int)), "8 bytes; 4 are given");
        Expect(CublasStatus.InvalidValue, blas.Lt.MatmulDescSetAttribute(description, CublasLtMatmulAttribute.Epilogue, null, sizeof(int)),
            "none are given");
        Expect(CublasStatus.InvalidValue, blas.Lt.MatmulDescSetAttribute(description, (CublasLtMatmulAttribute)77, &value, sizeof(int)),
            "attribute 77");
        Expect(CublasStatus.InvalidValue, blas.Lt.MatmulPreferenceSetAttribute(preference, CublasLtPreferenceAttribute.MaxWorkspaceBytes,
            &value, sizeof(int)), "8 bytes");
        Expect(CublasStatus.InvalidValue,
            blas.Lt.MatmulPreferenceSetAttribute(preference, (CublasLtPreferenceAttribute)77, &value, sizeof(int)), "attribute 77");
        value = 9;
        Expect(CublasStatus.InvalidValue,
            blas.Lt.MatmulDescSetAttribute(description, CublasLtMatmulAttribute.TransposeA, &value, sizeof(int)), "9 is no operation");
    }

    [Test]
    public void WhatIsDestroyedIsGone()
    {
        CublasLtAlgorithm algorithm = Choose().Algorithm;
        Expect(CublasStatus.Success, blas.Lt.MatrixLayoutDestroy(layoutA));
        Expect(CublasStatus.InvalidValue, Matmul(algorithm), "no layout of A");
        Expect(CublasStatus.InvalidValue, blas.Lt.MatrixLayoutDestroy(layoutA), "destroyed");
        Expect(CublasStatus.Success, blas.Lt.MatmulPreferenceDestroy(preference));
        Expect(CublasStatus.InvalidValue, blas.Lt.MatmulPreferenceDestroy(preference), "destroyed");
        Expect(CublasStatus.Success, blas.Lt.MatmulDescDestroy(description));
        Expect(CublasStatus.InvalidValue, Heuristic(out _), "no description of a product");
        Expect(CublasStatus.Success, blas.Lt.Destroy(handle));
        Expect(CublasStatus.NotInitialized, Matmul(algorithm), "no cuBLASLt handle");
        Expect(CublasStatus.NotInitialized, blas.Lt.Destroy(handle), "destroyed");
    }

    [Test]
    public void PlacesAndNumbersAreGiven()
    {
        Expect(CublasStatus.InvalidValue, blas.Lt.Create(null), "null");
        Expect(CublasStatus.InvalidValue, blas.Lt.MatrixLayoutCreate(null, CudaDataType.Float32, 1, 1, 1), "null");
        Expect(CublasStatus.InvalidValue, Heuristic(out _, requested: 0), "0 algorithms");
        Expect(CublasStatus.InvalidValue, Matmul(Choose().Algorithm, c: 0), "D is null");
    }

    // [1, K·…]·[…, 1]: sums much longer than D is wide.
    void DescribeLongSums() =>
        (layoutA, layoutB, layoutD) = (Layout(1, RawBlas.M * RawBlas.K), Layout(RawBlas.M * RawBlas.K, 1), Layout(1, 1));

    nint Layout(int rows, int columns, int? leading = null)
    {
        nint made;
        Expect(CublasStatus.Success, blas.Lt.MatrixLayoutCreate(&made, CudaDataType.Float32, (ulong)rows, (ulong)columns, leading ?? rows));
        return made;
    }

    void Set<T>(CublasLtMatmulAttribute attribute, T value) where T : unmanaged =>
        Expect(CublasStatus.Success, blas.Lt.MatmulDescSetAttribute(description, attribute, &value, (nuint)sizeof(T)));

    void Prefer<T>(CublasLtPreferenceAttribute attribute, T value) where T : unmanaged =>
        Expect(CublasStatus.Success, blas.Lt.MatmulPreferenceSetAttribute(preference, attribute, &value, (nuint)sizeof(T)));

    CublasLtHeuristicResult Choose()
    {
        Expect(CublasStatus.Success, Heuristic(out CublasLtHeuristicResult result));
        return result;
    }

    CublasStatus Heuristic(out CublasLtHeuristicResult result, int requested = 1)
    {
        int found;
        fixed (CublasLtHeuristicResult* place = &result)
            return blas.Lt.MatmulAlgoGetHeuristic(handle, description, layoutA, layoutB, layoutD, layoutD, preference, requested, place,
                &found);
    }

    CublasStatus Matmul(CublasLtAlgorithm algorithm, ulong workspace = 0, nuint workspaceBytes = 0, ulong? a = null, ulong? c = null)
    {
        float alpha = 1, beta = 0;
        ulong d = c ?? blas.C.Pointer.Address;
        return blas.Lt.Matmul(handle, description, &alpha, a ?? blas.A.Pointer.Address, layoutA, blas.B.Pointer.Address, layoutB, &beta, d,
            layoutD, d, layoutD, &algorithm, workspace, workspaceBytes, 0);
    }

    void Expect(CublasStatus expected, CublasStatus status, string finding = "")
    {
        Assert.That(status, Is.EqualTo(expected), blas.Finding);
        Assert.That(blas.Finding, Does.Contain(finding));
    }
}
