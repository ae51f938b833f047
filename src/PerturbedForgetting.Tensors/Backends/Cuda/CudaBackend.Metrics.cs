namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    Kernels.LabelRank LabelRanks => field ??= new(library);

    public override void LabelRank(Tensor logits, Tensor labels, Tensor y)
    {
        if (labels.DType == DType.Int32)
            LabelRanks.Launch(stream, Pointer(y), Dense(logits), Pointer(labels), logits.Shape[0], logits.Shape[1]);
        else
            LabelRanks.LaunchApplying(stream, Pointer(y), Dense(logits), Pointer(labels), logits.Shape[0], logits.Shape[1]);
    }

    public override void CountRanks(Tensor ranks, int k, Tensor counts) => LabelRanks.LaunchCount(stream, Pointer(counts), Pointer(ranks), k, ranks.Count);
}
