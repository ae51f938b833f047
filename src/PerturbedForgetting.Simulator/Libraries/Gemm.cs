using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>A matrix in column-major order, or a batch of them.</summary>
/// <param name="Address">First element.</param>
/// <param name="Leading">Elements from one column to the next.</param>
/// <param name="Stride">Elements from one matrix of the batch to the next.</param>
readonly unsafe record struct GemmMatrix(ulong Address, long Leading, long Stride = 0)
{
    /// <summary>First element of a matrix of the batch.</summary>
    public float* At(int matrix) => (float*)Address + (matrix * Stride);
}

/// <summary>A product of float32 matrices in column-major order: D = alpha·op(A)·op(B) + beta·C + bias.</summary>
/// <param name="transposeA">Whether A is stored as [k, m].</param>
/// <param name="transposeB">Whether B is stored as [n, k].</param>
/// <param name="m">Rows of D.</param>
/// <param name="n">Columns of D.</param>
/// <param name="k">Length of the sums.</param>
/// <param name="a">First factor.</param>
/// <param name="b">Second factor.</param>
/// <param name="c">What is added; not read when beta is 0.</param>
/// <param name="d">The result.</param>
sealed class Gemm(CublasOperation transposeA, CublasOperation transposeB, long m, long n, long k, GemmMatrix a, GemmMatrix b, GemmMatrix c,
    GemmMatrix d)
{
    public float Alpha { get; init; } = 1;

    public float Beta { get; init; }

    public int Batch { get; init; } = 1;

    /// <summary>Whether factors are rounded to TF32 (10 bits of mantissa) first.</summary>
    public bool RoundsToTf32 { get; init; }

    /// <summary>One number for each row of D, added to the row; 0 for none.</summary>
    public ulong Bias { get; init; }

    /// <summary>Receives the sum of each column of op(B); 0 for none.</summary>
    public ulong ColumnSumsOfB { get; init; }

    public CublasOperation TransposeA => transposeA;

    public CublasOperation TransposeB => transposeB;

    public long M => m;

    public long N => n;

    public long K => k;

    public GemmMatrix A => a;

    public GemmMatrix B => b;

    public GemmMatrix C => c;

    public GemmMatrix D => d;

    /// <summary>Nothing is written.</summary>
    public bool IsEmpty => m == 0 || n == 0 || Batch == 0;

    /// <summary>Refuses what the real library refuses.</summary>
    public void Check()
    {
        SimulatedBlas.Require(m >= 0 && n >= 0 && k >= 0, $"a product of m = {m}, n = {n}, k = {k}");
        SimulatedBlas.RequireOperation(transposeA);
        SimulatedBlas.RequireOperation(transposeB);
        SimulatedBlas.RequireLeading("A", RowsOfA, a.Leading);
        SimulatedBlas.RequireLeading("B", RowsOfB, b.Leading);
        SimulatedBlas.RequireLeading("C", m, c.Leading);
        SimulatedBlas.RequireLeading("D", m, d.Leading);
        if (IsEmpty)
            return;
        if (k > 0)
        {
            SimulatedBlas.RequireAddress("A", a.Address);
            SimulatedBlas.RequireAddress("B", b.Address);
        }
        if (Beta != 0)
            SimulatedBlas.RequireAddress("C", c.Address);
        SimulatedBlas.RequireAddress("D", d.Address);
    }

    /// <summary>Puts it on a stream.</summary>
    public void Enqueue(string name, SimulatedStream stream, MemoryRegion workspace)
    {
        MemoryRegion result = MemoryRegion.Columns("D", d.Address, m, n, d.Leading, Batch, d.Stride);
        LibraryKernel kernel = new LibraryKernel(name, 2 * m * n * k * Batch)
            .Reads(MemoryRegion.Columns("A", a.Address, RowsOfA, transposeA == CublasOperation.None ? k : m, a.Leading, Batch, a.Stride))
            .Reads(MemoryRegion.Columns("B", b.Address, RowsOfB, transposeB == CublasOperation.None ? n : k, b.Leading, Batch, b.Stride))
            .Reads(MemoryRegion.Floats("bias", Bias, Bias == 0 ? 0 : m))
            .Writes(MemoryRegion.Floats("bias gradient", ColumnSumsOfB, ColumnSumsOfB == 0 ? 0 : n))
            .Uses(workspace);
        _ = Beta == 0 ? kernel.Writes(result)
            : c == d ? kernel.Updates(result)
            : kernel.Writes(result).Reads(MemoryRegion.Columns("C", c.Address, m, n, c.Leading, Batch, c.Stride));
        kernel.Enqueue(stream, workers => new GemmTiles(this).Run(workers));
    }

    long RowsOfA => transposeA == CublasOperation.None ? m : k;

    long RowsOfB => transposeB == CublasOperation.None ? k : n;
}
