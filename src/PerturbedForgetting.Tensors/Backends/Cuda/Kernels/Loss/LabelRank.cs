using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Place of the label among the logits, and counts of these; kernels/loss/label_rank.cu.</summary>
sealed class LabelRank(KernelLibrary library)
{
    const int Warp = 32, CountThreads = 256;

    readonly CudaKernel kernel = library.Get("label_rank"), applying = library.Get("label_rank_applying"), count = library.Get("label_rank_count"),
        firstOutOfRange = library.Get("label_rank_first_out_of_range");

    /// <summary>rank, int32[samples], of int32 labels inside [0, classes).</summary>
    public void Launch(CudaStream stream, DevicePointer rank, DevicePointer logits, DevicePointer labels, long samples, int classes)
    {
        if (samples > 0)
            kernel.Launch(stream.Moving(4 * samples * classes), checked((int)samples), Warp, 0, rank, logits, labels, classes);
    }

    /// <summary>The best rank of the applying classes, uint8[samples, classes]; -1 where none applies.</summary>
    public void LaunchApplying(CudaStream stream, DevicePointer rank, DevicePointer logits, DevicePointer applies, long samples, int classes)
    {
        if (samples > 0)
            applying.Launch(stream.Moving(5 * samples * classes), checked((int)samples), Warp, 0, rank, logits, applies, classes);
    }

    /// <summary>Adds to counts, int32[3]: samples with rank 0, with a rank below k, with a rank.</summary>
    public void LaunchCount(CudaStream stream, DevicePointer counts, DevicePointer rank, int k, long samples) =>
        count.Launch(stream, 1, CountThreads, 0, counts, rank, k, samples);

    /// <summary>index, int64[1] = the first label outside [0, classes), or -1.</summary>
    public void LaunchFirstOutOfRange(CudaStream stream, DevicePointer index, DevicePointer labels, int classes, long samples) =>
        firstOutOfRange.Launch(stream, 1, Warp, 0, index, labels, classes, samples);
}
