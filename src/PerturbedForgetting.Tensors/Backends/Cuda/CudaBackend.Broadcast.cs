using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/add_broadcast.cu, sum_leading.cu.</remarks>
sealed partial class CudaBackend
{
    ColumnKernel SumLeadingKernel => field ??= new(library, "sum_leading");

    public override void AddBroadcast(Tensor x, Tensor b, Tensor y) =>
        matrices.AddRow(Dense(y), Dense(x), Dense(b), checked((int)b.Count), y.Count);

    public override void SumLeading(Tensor x, Tensor y, bool accumulate)
    {
        if (y.Count == 0)
            return;
        int columns = checked((int)y.Count);
        long rows = x.Count / columns;
        var cut = new ColumnParts(rows, columns, x, y);
        using Scratch partial = Floats((long)cut.Count * columns);
        SumLeadingKernel.Launch(Moving([x, accumulate ? y : null], [y]), cut,
            Dense(y), partial.Pointer, Dense(x), rows, columns, cut.RowsPerPart, accumulate ? 1 : 0);
    }
}
