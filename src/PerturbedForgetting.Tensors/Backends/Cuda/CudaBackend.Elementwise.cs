using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>Kernels that are a <c>map</c> of kernels/include/map.cuh: a grid-stride loop, 4 elements a thread.</remarks>
sealed partial class CudaBackend
{
    public override void Map(Unary f, Tensor x, Tensor y, double parameter = 0)
    {
        if (f.TakesParameter)
            Map(f.Kernel, Moving([x], [y]), y.Count, Dense(y), Dense(x), (float)parameter, y.Count);
        else
            Map(f.Kernel, Moving([x], [y]), y.Count, Dense(y), Dense(x), y.Count);
    }

    public override void Map(Binary f, Tensor a, Tensor b, Tensor y) =>
        Map(f.Kernel, Moving([a, b], [y]), y.Count, Dense(y), Dense(a), Dense(b), y.Count);

    public override void GeluBackwardTangent(Tensor dy, Tensor dyTangent, Tensor x, Tensor xTangent, Tensor dx)
    {
        using Tensor bent = Tensor.Hidden(dx.Shape, dx.DType, dx.Device);
        Map(Binary.Mul, dy, xTangent, bent);
        Map(Unary.Gelu.Second!, bent, x, bent);
        Map(Unary.Gelu.Backward, dyTangent, x, dx);
        Map(Binary.Add, dx, bent, dx);
    }

    public override void ScaleBy(Tensor x, Tensor factor, Tensor y) =>
        Map("elementwise_scale_by", Moving([x, factor], [y]), y.Count, Dense(y), Dense(x), Dense(factor), y.Count);

    void Map(string kernel, CudaStream stream, long count, params ReadOnlySpan<KernelArgument> arguments) =>
        library.Get(kernel).Launch(stream, LaunchGrid.Blocks(count, 4 * Threads), Threads, 0, arguments);
}
