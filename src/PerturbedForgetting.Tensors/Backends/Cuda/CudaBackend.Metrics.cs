using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <remarks>kernels/loss/label_rank.cu.</remarks>
unsafe sealed partial class CudaBackend
{
    const int Warp = 32, RankThreads = 128;

    CudaKernel LabelRankKernel => field ??= library.Get("label_rank");

    CudaKernel LabelRankApplyingKernel => field ??= library.Get("label_rank_applying");

    CudaKernel CountRanksKernel => field ??= library.Get("label_rank_count");

    CudaKernel FirstOutOfRangeKernel => field ??= library.Get("label_rank_first_out_of_range");

    public override void LabelRank(Tensor logits, Tensor labels, Tensor y)
    {
        var (samples, classes) = SamplesOf(logits);
        CudaKernel kernel = labels.DType == DType.Int32 ? LabelRankKernel : LabelRankApplyingKernel;
        if (samples > 0)
            kernel.Launch(Moving([logits, labels], [y]),
                LaunchGrid.Rows(kernel.Name, LaunchGrid.Tiles(samples, RankThreads / Warp), classes), RankThreads, 0,
                Pointer(y), Dense(logits), Pointer(labels), samples, classes);
    }

    public override void CountRanks(Tensor ranks, int k, Tensor counts) =>
        CountRanksKernel.Launch(Moving([ranks, counts], [counts]), 1, Threads, 0, Pointer(counts), Pointer(ranks), k,
            (long)Shape.Extent(ranks.Count, "ranks to count"));

    public override long FirstOutOfRange(Tensor labels, int classes)
    {
        using var index = new Scratch(workplace.Allocator, 1, DType.Int64);
        FirstOutOfRangeKernel.Launch(stream.Moving(Bytes(labels), sizeof(long)), 1, Threads, 0,
            index.Pointer, Pointer(labels), classes, (long)Shape.Extent(labels.Count, "labels to look through"));
        long found;
        stream.Download(&found, index.Pointer, sizeof(long));
        workplace.Synchronize();
        return found;
    }
}
