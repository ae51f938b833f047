namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>The images in a tar archive, also those in archives within it.</summary>
/// <param name="Images">In the archive's order.</param>
/// <param name="Others">How many files of each extension are no images.</param>
/// <param name="Findings">What else there is to say.</param>
sealed record TarIndex(List<TarMember> Images, SortedDictionary<string, int> Others, TarFindings Findings);
