namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>Some bytes of one of the files that a set is made of.</summary>
/// <param name="File">Number of the file.</param>
/// <param name="Offset">Place of the first byte in it.</param>
/// <param name="Length">How many bytes there are.</param>
readonly record struct FileRange(int File, long Offset, int Length);
