using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Blas;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>What the software GPU keeps in a <see cref="CublasLtAlgorithm"/>: the product it was chosen for, and what it relies
/// on.</summary>
[StructLayout(LayoutKind.Sequential)]
readonly record struct MatmulAlgorithm(ulong Mark, ulong WorkspaceBytes, ulong Alignment, long M, long N, long K,
    CublasOperation TransposeA, CublasOperation TransposeB, CublasLtEpilogue Epilogue, CublasComputeType Compute)
{
    /// <summary>By which an algorithm of this library is known.</summary>
    public const ulong Known = 0x6d6c_6174_6173_6c62;
}

/// <summary>Products of cuBLASLt on the software GPU.</summary>
static unsafe class SimulatedMatmul
{
    // A product whose sums are longer than this many times its sides is split along k, as the real library does: the partial sums need a
    // workspace.
    const int LongSums = 4;

    static LibraryEntry<CublasStatus> Entry => SimulatedBlas.LtEntry;

    [UnmanagedCallersOnly]
    public static CublasStatus MatmulAlgoGetHeuristic(nint handle, nint description, nint layoutA, nint layoutB, nint layoutC, nint layoutD,
        nint preference,
        int requested, CublasLtHeuristicResult* results, int* found) => Entry.Run(context =>
    {
        SimulatedCublasLt.FindHandle(context, handle);
        var product = new MatmulProduct(description, layoutA, layoutB, layoutC, layoutD);
        MatmulPreference preferred = SimulatedCublasLt.Find<MatmulPreference>(preference, "preference");
        SimulatedBlas.Require(requested > 0, $"{requested} algorithms are asked for");
        SimulatedBlas.Require(results is not null && found is not null, "the place of the results is null");
        product.CheckBias();
        MatmulAlgorithm algorithm = product.Algorithm with { Alignment = preferred.Alignments.Min() };
        ulong partialSums = 2 * sizeof(float) * (ulong)(algorithm.M * algorithm.N);
        bool splits = algorithm.K > LongSums * Math.Max(algorithm.M, algorithm.N) && partialSums <= preferred.MaxWorkspaceBytes
            && (preferred.Reductions & (CublasLtReduction.ComputeType | CublasLtReduction.OutputType)) != 0;
        if (splits)
            algorithm = algorithm with { WorkspaceBytes = partialSums };
        *results = new CublasLtHeuristicResult
        {
            State = CublasStatus.Success,
            WorkspaceBytes = (nuint)algorithm.WorkspaceBytes,
            Waves = 1
        };
        Unsafe.As<CublasLtAlgorithm, MatmulAlgorithm>(ref results->Algorithm) = algorithm;
        *found = 1;
    });

    [UnmanagedCallersOnly]
    public static CublasStatus Matmul(nint handle, nint description, void* alpha, ulong a, nint layoutA, ulong b, nint layoutB, void* beta,
        ulong c, nint layoutC,
        ulong d, nint layoutD, CublasLtAlgorithm* algorithm, ulong workspace, nuint workspaceBytes, nint stream) => Entry.Run(context =>
    {
        SimulatedCublasLt.FindHandle(context, handle);
        SimulatedBlas.Require(alpha is not null && beta is not null, "alpha or beta is null");
        SimulatedBlas.Require(algorithm is not null, "the algorithm is null; the software GPU needs one");
        var product = new MatmulProduct(description, layoutA, layoutB, layoutC, layoutD);
        MatmulAlgorithm chosen = *(MatmulAlgorithm*)algorithm;
        SimulatedBlas.Require(chosen.Mark == MatmulAlgorithm.Known, "the algorithm does not come from this library");
        SimulatedBlas.Require(product.Algorithm with { WorkspaceBytes = chosen.WorkspaceBytes, Alignment = chosen.Alignment } == chosen,
            $"the algorithm was chosen for another product: {chosen}");
        SimulatedBlas.Require(workspaceBytes >= chosen.WorkspaceBytes,
            $"the algorithm needs a workspace of {chosen.WorkspaceBytes} bytes, not {workspaceBytes}");
        SimulatedBlas.Require(chosen.WorkspaceBytes == 0 || workspace != 0,
            $"the algorithm needs a workspace of {chosen.WorkspaceBytes} bytes, which is null");
        SimulatedBlas.Require(workspace % SimulatedBlas.WorkspaceAlignment == 0,
            $"the workspace is at 0x{workspace:x}, which is not a multiple of {SimulatedBlas.WorkspaceAlignment}");
        product.CheckBias();
        foreach (ulong address in (ReadOnlySpan<ulong>)[a, b, c, d])
            SimulatedBlas.RequireSupported(address % chosen.Alignment == 0,
                $"0x{address:x} is not a multiple of {chosen.Alignment}, to which the algorithm was told that addresses are aligned");
        Gemm gemm = product.With(a, b, c, d, *(float*)alpha, *(float*)beta);
        gemm.Check();
        gemm.Enqueue(CublasLt.MatmulName, Driver.Entry.Stream(context, stream),
            new MemoryRegion("workspace", workspace, (long)chosen.WorkspaceBytes));
    });
}

/// <summary>A product as its descriptors give it, checked.</summary>
sealed class MatmulProduct
{
    readonly MatmulDescription description;
    readonly MatrixLayout a, b, c, d;

    public MatmulProduct(nint description, nint layoutA, nint layoutB, nint layoutC, nint layoutD)
    {
        this.description = SimulatedCublasLt.Find<MatmulDescription>(description, "description of a product");
        (a, b, c, d) = (Layout(layoutA, "A"), Layout(layoutB, "B"), Layout(layoutC, "C"), Layout(layoutD, "D"));
        (long m, long k) = this.description.TransposeA == CublasOperation.None ? (a.Rows, a.Columns) : (a.Columns, a.Rows);
        (long inner, long n) = this.description.TransposeB == CublasOperation.None ? (b.Rows, b.Columns) : (b.Columns, b.Rows);
        SimulatedBlas.Require(k == inner, $"op(A) has {k} columns, op(B) {inner} rows");
        SimulatedBlas.Require((d.Rows, d.Columns) == (m, n)
            && (c.Rows, c.Columns) == (m, n), $"op(A)·op(B) is {m} by {n}, C {c.Rows} by {c.Columns}, D {d.Rows} by {d.Columns}");
        SimulatedBlas.RequireSupported(this.description.Epilogue is CublasLtEpilogue.Default or CublasLtEpilogue.Bias
            or CublasLtEpilogue.BiasGradientB, $"the software GPU knows no epilogue {(uint)this.description.Epilogue}");
        Algorithm = new MatmulAlgorithm(MatmulAlgorithm.Known, 0, 0, m, n, k, this.description.TransposeA, this.description.TransposeB,
            this.description.Epilogue, this.description.Compute);
    }

    /// <summary>What an algorithm for it must say.</summary>
    public MatmulAlgorithm Algorithm { get; }

    /// <summary>Refuses an epilogue that lacks its vector.</summary>
    public void CheckBias()
    {
        if (description.Epilogue != CublasLtEpilogue.Default)
            SimulatedBlas.RequireAddress($"the vector of epilogue {description.Epilogue}", description.Bias);
    }

    /// <summary>The product of some matrices.</summary>
    public Gemm With(ulong a, ulong b, ulong c, ulong d, float alpha, float beta)
    {
        SimulatedBlas.Require(c != d || this.c.Leading == this.d.Leading, "C and D are the same memory with different leading dimensions");
        return new Gemm(description.TransposeA, description.TransposeB, Algorithm.M, Algorithm.N, Algorithm.K,
            new(a, this.a.Leading), new(b, this.b.Leading), new(c, this.c.Leading), new(d, this.d.Leading))
        {
            Alpha = alpha,
            Beta = beta,
            RoundsToTf32 = description.Compute == CublasComputeType.Float32FastTf32,
            Bias = description.Epilogue == CublasLtEpilogue.Bias ? description.Bias : 0,
            ColumnSumsOfB = description.Epilogue == CublasLtEpilogue.BiasGradientB ? description.Bias : 0,
        };
    }

    static MatrixLayout Layout(nint handle, string name)
    {
        MatrixLayout layout = SimulatedCublasLt.Find<MatrixLayout>(handle, $"layout of {name}");
        SimulatedBlas.RequireCompute(CublasComputeType.Float32, layout.Type);
        SimulatedBlas.Require(layout.Rows > 0 && layout.Columns > 0, $"{name} is {layout.Rows} by {layout.Columns}");
        SimulatedBlas.RequireLeading(name, layout.Rows, layout.Leading);
        return layout;
    }
}
