using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Tests.Simulator.Planted;

/// <summary>Faults in kernels that ship.</summary>
static class PlantedKernels
{
    const string WarpBarrier = "warp_barrier() (bar.warp.sync)", Barrier = "barrier() (bar.sync)", Between = "arrives_last";

    public static IEnumerable<PlantedKernel> All =>
    [
        // Lanes that exchange through shared memory.
        new("cross_entropy_few", "bar.warp.sync", 0, FaultKind.SharedRace, WarpBarrier, "CrossEntropy", [3, 13]),
        new("output_bias_forget_few", "bar.warp.sync", 0, FaultKind.SharedRace, WarpBarrier, "OutputBiasForget, softmax, C = 10", [3, 13]),
        new("attention_32", "bar.warp.sync", 0, FaultKind.SharedRace, WarpBarrier, "Attention", [1, 9, 3 * 12]),
        new("attention_backward_32", "bar.warp.sync", 0, FaultKind.SharedRace, WarpBarrier, "Attention", [1, 9, 3 * 12]),
        new("attention_backward_32", "bar.warp.sync", 1, FaultKind.SharedRace, WarpBarrier, "Attention", [1, 9, 3 * 12]),
        // Warps that do.
        new("attention_32", "bar.sync", 0, FaultKind.SharedRace, Barrier, "Attention", [1, 9, 3 * 12]),
        new("attention_mma_tf32_32", "bar.sync", 1, FaultKind.SharedRace, Barrier, "Attention", [1, 9, 3 * 12]) { UsesTf32 = true },
        new("cross_entropy", "bar.sync", 0, FaultKind.SharedRace, Barrier, "CrossEntropy", [3, 257]),
        new("permute_transpose", "bar.sync", 0, FaultKind.SharedRace, Barrier, "Permute by (1, 0)", [33, 40]),
        new("reduce_sum", "bar.sync", 0, FaultKind.SharedRace, Barrier, "Sum", [30, 40]),
        new("normalize_images", "bar.sync", 0, FaultKind.SharedRace, Barrier, "NormalizeImages", [2, 3, 5, 3]),
        new("layer_norm_backward", "bar.sync", 2, FaultKind.SharedRace, Barrier, "LayerNorm", [8, 320], [320], [320]),
        // The block that arrives last.
        new("squared_norm", "fence", 0, FaultKind.GlobalRace, Between, "SquaredNorm", [40000], [40000]),
        new("squared_norm", "fence", 1, FaultKind.GlobalRace, Between, "SquaredNorm", [40000], [40000]),
        new("cross_entropy_few", "fence", 0, FaultKind.GlobalRace, Between, "CrossEntropy", [9, 13]),
        new("cross_entropy_few", "fence", 1, FaultKind.GlobalRace, Between, "CrossEntropy", [9, 13]),
        new("sum_leading", "fence", 0, FaultKind.GlobalRace, Between, "AddBroadcast", [700, 64], [64]),
        new("sum_leading", "fence", 1, FaultKind.GlobalRace, Between, "AddBroadcast", [700, 64], [64]),
        new("sum_leading", "fence", 0, FaultKind.GlobalRace, Between, "AddBroadcast", [700, 64], [64])
        {
            By = static _ => "fence.acq_rel.cta;",
        },
        new("batch_norm_statistics", "fence", 0, FaultKind.GlobalRace, Between, "BatchNorm", [1025, 8], [8], [8]),
        new("batch_norm_statistics", "atom", 0, FaultKind.GlobalRace, "scope .cta", "BatchNorm", [1025, 8], [8], [8])
        {
            By = static text => text.Replace("atom.", "atom.cta.", StringComparison.Ordinal),
        },
        // Copies that are not waited for.
        new("gemm_nn", "cp.async.wait_group", 0, FaultKind.SharedRace, "not waited for", "MatMul", [2, 33, 17], [2, 17, 31]),
        new("gemm_nn", "bar.sync", 0, FaultKind.SharedRace, Barrier, "MatMul", [2, 33, 17], [2, 17, 31]),
        new("gemm_tf32_nn", "cp.async.wait_group", 0, FaultKind.SharedRace, "not waited for", "MatMul", [2, 33, 17], [2, 17, 31])
        {
            UsesTf32 = true,
        },
        // Wrong places.
        new("relu", "ld.global.v4", 0, FaultKind.Misaligned, "multiple of 16", "Relu", [4, 64])
        {
            By = static text => text.Replace("]", "+4]", StringComparison.Ordinal),
        },
        new("relu", "st.global.v4", 0, FaultKind.OutOfBounds, "allocation #", "Relu", [4, 64])
        {
            By = static text => text.Replace("]", "+1073741824]", StringComparison.Ordinal),
        },
        new("relu", "st.global.v4", 0, FaultKind.GlobalRace, WarpBarrier, "Relu", [4, 64])
        {
            By = static text => text + "\n" + text.Replace("]", "+16]", StringComparison.Ordinal),
        },
        // Masks.
        new("cross_entropy_few", "shfl.sync", 0, FaultKind.WrongShuffle, "does not name it", "CrossEntropy", [3, 13])
        {
            By = static text => text.Replace("0xffffffff", "0x0000ffff", StringComparison.Ordinal),
        },
    ];
}
