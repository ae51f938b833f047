using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Vision.Loading;

namespace PerturbedForgetting.Training;

/// <summary>What an epoch left out or took although it is damaged, in a line.</summary>
static class SkipLog
{
    /// <summary>The line, or null if there was nothing of the kind.</summary>
    /// <param name="updates">Updates left out because a loss or gradient was not finite.</param>
    /// <param name="training">What the training images had.</param>
    /// <param name="validation">What the validation images had.</param>
    public static string? Line(int updates, BadImageCounts training, BadImageCounts validation)
    {
        List<string> parts = updates > 0 ? [$"{Quantity.Of(updates, "update")} skipped"] : [];
        parts.AddRange(Images("training", training));
        parts.AddRange(Images("validation", validation));
        return parts.Count > 0 ? "In this epoch: " + string.Join(", ", parts) : null;
    }

    /// <summary>The counts over several processes.</summary>
    public static BadImageCounts Over(this BadImageCounts counts, World world)
    {
        double[] sums = [counts.Skipped, counts.Filled, counts.Damaged, counts.Irregular, counts.Retried];
        world.Sum(sums);
        return new((int)sums[0], (int)sums[1], (int)sums[2], (int)sums[3], (int)sums[4]);
    }

    static IEnumerable<string> Images(string kind, BadImageCounts counts)
    {
        if (counts.Skipped > 0)
            yield return $"{Quantity.Of(counts.Skipped, kind + " image")} skipped";
        if (counts.Filled > 0)
            yield return $"{Quantity.Of(counts.Filled, kind + " image")} filled with grey";
        if (counts.Damaged > 0)
            yield return $"{Quantity.Of(counts.Damaged, kind + " image")} used with damage";
        if (counts.Irregular > 0)
            yield return $"{Quantity.Of(counts.Irregular, kind + " image")} used with stray bytes or the like";
        if (counts.Retried > 0)
            yield return $"{Quantity.Of(counts.Retried, $"read of {kind} images", $"reads of {kind} images")} tried again";
    }
}
