namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>All workloads, one line a family of kernels.</summary>
static class KernelWorkloads
{
    /// <param name="side">Factor of the sides of matrices; everything else grows by its square. 1 for the software GPU.</param>
    public static IReadOnlyList<KernelWorkload> Of(int side) =>
    [
        .. new MultiTensorWorkloads(side).All,
        .. new LossWorkloads(side).All,
        .. new TensorWorkloads(side).All,
        .. new NnWorkloads(side).All,
        .. new AttentionWorkloads(side).All,
        .. new ImageWorkloads(side).All,
    ];
}
