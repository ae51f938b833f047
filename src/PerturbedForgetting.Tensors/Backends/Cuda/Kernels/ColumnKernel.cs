using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A kernel that sums over rows in two forms: NAME does 4 columns a thread, NAME_odd one, where their number is not divisible by
/// 4 or a tensor is a view that begins elsewhere. See kernels/include/columns.cuh. All launches of a library belong on one
/// stream.</summary>
sealed class ColumnKernel(KernelLibrary library, string name)
{
    CudaKernel Wide => field ??= library.Get(name);

    CudaKernel Odd => field ??= library.Get(name + "_odd");

    /// <summary>Puts the form that fits on the stream.</summary>
    public void Launch(CudaStream stream, in ColumnParts cut, params ReadOnlySpan<KernelArgument> arguments) =>
        (cut.IsOdd ? Odd : Wide).Launch(stream, cut.Grid, ColumnParts.Block, 0, arguments);
}

/// <summary>How the rows of a sum over rows are cut into parts: a function of the shape alone, so that sums are the same
/// everywhere.</summary>
readonly record struct ColumnParts
{
    const int LeastRows = 64, MostParts = 512, Columns = 16, Rows = 16;

    // As many counters of arrived blocks as kernels/include/arrival.cuh has. More groups of columns are blocks enough without parts.
    const int MostCounters = 4096;

    /// <param name="rows">Rows of the matrix.</param>
    /// <param name="columns">Columns of it.</param>
    /// <param name="tensors">What the kernel reads and writes; null is none.</param>
    public ColumnParts(long rows, int columns, params ReadOnlySpan<Tensor?> tensors)
    {
        IsOdd = columns % 4 != 0;
        foreach (Tensor? tensor in tensors)
            IsOdd |= tensor is not null && !VectorAccess.Fits(tensor);
        int groups = (int)LaunchGrid.Tiles(IsOdd ? columns : columns / 4, Columns);
        long parts = groups > MostCounters ? 1 : Math.Clamp(rows / LeastRows, 1, MostParts);
        RowsPerPart = checked((int)((rows + parts - 1) / parts));
        Count = (int)((rows + RowsPerPart - 1) / RowsPerPart);
        Grid = new Dim3(groups, Count);
    }

    public int RowsPerPart { get; }

    public int Count { get; }

    /// <summary>Whether a thread does one column at a time instead of four.</summary>
    public bool IsOdd { get; }

    public Dim3 Grid { get; }

    public static Dim3 Block => new(Columns, Rows);
}
