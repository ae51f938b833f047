namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>An image of a set that lies in tar archives.</summary>
/// <param name="Archive">Number of the archive.</param>
/// <param name="Member">The file in it.</param>
/// <param name="Start">Where the part of its name begins that counts in the set: behind folders that the whole split lies in.</param>
/// <param name="Label">Number of the class.</param>
/// <param name="Problem">Why it cannot be read, though it is there; null where nothing is known.</param>
readonly record struct TarImage(int Archive, TarMember Member, int Start = 0, int Label = 0, string? Problem = null)
{
    /// <summary>Its name in the set.</summary>
    public string Name => Member.Name[Start..];
}
