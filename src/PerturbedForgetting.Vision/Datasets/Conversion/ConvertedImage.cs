namespace PerturbedForgetting.Vision.Datasets.Conversion;

/// <summary>An image on its way from one set to another.</summary>
/// <param name="Bytes">Its file, valid until the next image is asked for.</param>
/// <param name="Name">What it is called: parts between slashes that can be names of files, without the ending.</param>
/// <param name="Extension">The ending that its format has, without a dot.</param>
/// <param name="Label">Its class.</param>
readonly record struct ConvertedImage(ReadOnlyMemory<byte> Bytes, string Name, string Extension, int Label);
