namespace PerturbedForgetting.Vision.Loading;

/// <summary>One kind of finding of <see cref="DatasetCheck"/>.</summary>
/// <param name="Kind">A short stable name: truncated, empty-class, label-out-of-range, ...</param>
/// <param name="IsError">Training would fail or be wrong; otherwise the finding is only worth knowing.</param>
/// <param name="Count">How often it was found.</param>
/// <param name="Examples">Up to twenty of them, each with its path and what is wrong.</param>
public sealed record DatasetFinding(string Kind, bool IsError, int Count, IReadOnlyList<string> Examples);

/// <summary>Smallest, largest and mean of an extent in pixels.</summary>
public readonly record struct SizeRange(int Min, int Max, double Mean);

/// <summary>What <see cref="DatasetCheck"/> found.</summary>
/// <param name="Dataset">Name of the set.</param>
/// <param name="Images">Number of images.</param>
/// <param name="Classes">Class names by index.</param>
/// <param name="ClassHash">Hash of the class list.</param>
/// <param name="ImagesPerClass">Images by class.</param>
/// <param name="Formats">Images by file format.</param>
/// <param name="Width">Widths of the readable images.</param>
/// <param name="Height">Heights of the readable images.</param>
/// <param name="Grey">Grey images, which are repeated into three channels.</param>
/// <param name="Cmyk">Images in four inks, which are converted.</param>
/// <param name="Rotated">Images whose EXIF orientation is not upright.</param>
/// <param name="Findings">Problems by kind, errors first.</param>
/// <param name="Notes">What opening the set had to say.</param>
public sealed record DatasetReport(
    string Dataset,
    int Images,
    IReadOnlyList<string> Classes,
    string ClassHash,
    IReadOnlyList<int> ImagesPerClass,
    IReadOnlyDictionary<string, int> Formats,
    SizeRange Width,
    SizeRange Height,
    int Grey,
    int Cmyk,
    int Rotated,
    IReadOnlyList<DatasetFinding> Findings,
    IReadOnlyList<string> Notes);
