using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>A sample of a shard.</summary>
/// <param name="Image">Its image.</param>
/// <param name="Label">Number of its label in <see cref="ShardIndex.Labels"/>.</param>
readonly record struct ShardSample(TarMember Image, int Label);

/// <summary>The samples of a shard.</summary>
/// <param name="Samples">In the shard's order.</param>
/// <param name="Labels">The labels that occur.</param>
/// <param name="WithoutImage">How many samples have no image.</param>
/// <param name="Findings">What else there is to say.</param>
sealed record ShardIndex(List<ShardSample> Samples, List<SampleLabel> Labels, int WithoutImage, TarFindings Findings);
