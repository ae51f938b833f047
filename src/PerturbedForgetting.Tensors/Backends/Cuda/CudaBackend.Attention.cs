using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.Attention AttentionKernels => field ??= new(library, options.AllowTf32 ? AttentionUnits.Tf32 : AttentionUnits.Float32);

    public override bool FusesAttention(int width) => Kernels.Attention.IsWidth(width);

    public override void Attention(Tensor qkv, int heads, double scale, Tensor y, Tensor? logSums) =>
        AttentionKernels.Forward(stream, Dense(y), DenseOrNull(logSums), Dense(qkv), ShapeOf(qkv, heads, scale));

    public override void AttentionBackward(Tensor dy, Tensor y, Tensor qkv, Tensor logSums, int heads, double scale, Tensor dqkv) =>
        AttentionKernels.Backward(stream, Dense(dqkv), Dense(dy), Dense(y), Dense(qkv), Dense(logSums), ShapeOf(qkv, heads, scale));

    static Kernels.Attention.Shape ShapeOf(Tensor qkv, int heads, double scale) => new(qkv.Shape[0], qkv.Shape[1], heads, qkv.Shape[2] / 3 / heads, (float)scale);
}
