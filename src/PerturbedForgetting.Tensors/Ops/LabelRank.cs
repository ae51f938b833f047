using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors;

public static partial class Ops
{
    /// <summary>
    /// Place of each sample's label among its logits, 0 for the largest: a prediction is right among the best k where the place is
    /// below k. Equal logits rank by class number, so ties favour the lower class; NaN ranks before all, so that it is never right.
    /// Has no gradient.
    /// </summary>
    /// <param name="logits">[samples, classes].</param>
    /// <param name="labels">Int32 [samples]; or for several labels a sample uint8 [samples, classes], not 0 where the class
    /// applies.</param>
    /// <returns>Int32 [samples]; of several labels the best place, and -1 for a sample without labels.</returns>
    /// <exception cref="ArgumentException">Wrong shapes, or a label that is no class; the message names it.</exception>
    public static Tensor LabelRank(Tensor logits, Tensor labels)
    {
        using var range = Ranges.Operation(nameof(LabelRank));
        if (labels.DType != DType.UInt8)
            RequireLabels("LabelRank", logits, labels);
        else if (logits.Shape.Rank != 2 || labels.Shape != logits.Shape)
            throw new ArgumentException(
                $"LabelRank needs UInt8 labels of the shape of the logits [samples, classes], not {labels} for {logits}.");
        var y = Tensor.Empty([logits.Shape[0]], DType.Int32, logits.Device);
        logits.Backend.LabelRank(logits, labels, y);
        return y;
    }

    /// <summary>Counts on the device, to be read when somebody asks: samples whose label is the first, among the first k, and samples that
    /// have a label.</summary>
    /// <param name="ranks">Int32 [samples], of <see cref="LabelRank"/>.</param>
    /// <param name="k">At least 1.</param>
    /// <param name="counts">Int32 [3], added to.</param>
    /// <exception cref="ArgumentException">Other types or counts.</exception>
    public static void CountRanks(Tensor ranks, int k, Tensor counts)
    {
        using var range = Ranges.Operation(nameof(CountRanks));
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        if (ranks.DType != DType.Int32 || counts.DType != DType.Int32 || counts.Count != 3 || counts.Device != ranks.Device)
            throw new ArgumentException($"CountRanks needs Int32 ranks and three Int32 counts on one device, not {ranks} and {counts}.");
        ranks.Backend.CountRanks(ranks, k, counts);
    }
}
