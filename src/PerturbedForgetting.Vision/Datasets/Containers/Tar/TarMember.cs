namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>A file in a tar archive.</summary>
/// <param name="Name">Its path, without "./" and the like, with '/' between folders.</param>
/// <param name="Offset">Place of its contents.</param>
/// <param name="Length">Bytes of its contents.</param>
/// <param name="IsSparse">The contents are pieces of the file with a map: holes were left out.</param>
readonly record struct TarMember(string Name, long Offset, long Length, bool IsSparse = false);
