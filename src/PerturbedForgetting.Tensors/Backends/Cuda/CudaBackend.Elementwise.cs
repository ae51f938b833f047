using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Broadcast Rows => field ??= new(library);

    public override void Map(Unary f, Tensor x, Tensor y, double parameter = 0)
    {
        if (f.TakesParameter)
            Map(f.Kernel, 1, y, Dense(y), Dense(x), (float)parameter, y.Count);
        else
            Map(f.Kernel, 1, y, Dense(y), Dense(x), y.Count);
    }

    public override void Map(Binary f, Tensor a, Tensor b, Tensor y) => Map(f.Kernel, 2, y, Dense(y), Dense(a), Dense(b), y.Count);

    public override void ScaleBy(Tensor x, Tensor factor, Tensor y) => Map("elementwise_scale_by", 1, y, Dense(y), Dense(x), Dense(factor), y.Count);

    /// <summary>Launches a kernel of kernels/include/map.cuh, which reads so many sources of the size of y.</summary>
    void Map(string kernel, int sources, Tensor y, params ReadOnlySpan<KernelArgument> arguments) => library.Map(stream, kernel, sources, y.Count, arguments);

    public override void AddBroadcast(Tensor x, Tensor b, Tensor y) => Rows.Add(stream, Dense(y), Dense(x), Dense(b), checked((int)b.Count), y.Count);

    public override void SumLeading(Tensor x, Tensor y, bool accumulate)
    {
        if (y.Count == 0)
            return;
        int columns = checked((int)y.Count);
        long rows = x.Count / columns;
        using Scratch partial = Floats((long)new ColumnParts(rows, columns).Count * columns);
        Rows.Sum(stream, Dense(y), Dense(x), partial.Pointer, rows, columns, accumulate);
    }
}
