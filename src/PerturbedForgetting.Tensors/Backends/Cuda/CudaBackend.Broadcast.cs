using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/nn/add_broadcast.cu, sum_leading.cu.</remarks>
sealed partial class CudaBackend
{
    ColumnKernel SumLeadingKernel => field ??= new(library, "sum_leading");

    public override void AddBroadcast(Tensor x, Tensor b, Tensor y) =>
        matrices.AddRow(Dense(y), Dense(x), Dense(b), Shape.Extent(b.Count, "elements that are added to each row"), y.Count);

    public override void SumLeading(Tensor x, Tensor y, bool accumulate)
    {
        if (y.Count == 0)
            return;
        int columns = Shape.Extent(y.Count, "columns whose rows are summed");
        long rows = x.Count / columns;
        var cut = new ColumnParts(rows, columns, x, y);
        using Scratch partial = Floats((long)cut.Count * columns);
        SumLeadingKernel.Launch(Moving([x, accumulate ? y : null], [y]), cut,
            Dense(y), partial.Pointer, Dense(x), rows, columns, cut.RowsPerPart, accumulate ? 1 : 0);
    }
}
