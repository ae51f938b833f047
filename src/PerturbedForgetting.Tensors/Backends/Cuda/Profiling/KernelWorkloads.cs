namespace PerturbedForgetting.Tensors.Backends.Cuda.Profiling;

/// <summary>All workloads, one line a family of kernels.</summary>
static class KernelWorkloads
{
    public static IReadOnlyList<KernelWorkload> All { get; } =
    [
        .. MultiTensorWorkloads.All,
        .. LossWorkloads.All,
        .. TensorWorkloads.All,
        .. NnWorkloads.All,
        .. AttentionWorkloads.All,
        .. ImageWorkloads.All,
    ];
}
