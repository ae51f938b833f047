namespace PerturbedForgetting.Vision.Imaging;

/// <summary>The colour model in which a file stores its samples.</summary>
public enum ImageColor
{
    /// <summary>Red, green, blue, possibly through YCbCr or a palette.</summary>
    Rgb,

    /// <summary>Grey only.</summary>
    Grey,

    /// <summary>Four inks (CMYK or YCCK).</summary>
    Cmyk,
}

/// <summary>Facts about an image, as far as it has been read.</summary>
/// <param name="Width">Width in pixels as stored.</param>
/// <param name="Height">Height in pixels as stored.</param>
/// <param name="Format">Name of the format: "JPEG", "PNG", ...</param>
/// <param name="Color">Colour model in the file.</param>
/// <param name="Orientation">EXIF orientation, 1 to 8; 1 where there is none.</param>
/// <param name="Filled">The file was truncated or damaged and the rest was filled.</param>
/// <param name="Warnings">What is wrong with it, in what was read of it.</param>
public readonly record struct ImageInfo(
    int Width,
    int Height,
    string Format,
    ImageColor Color,
    int Orientation = 1,
    bool Filled = false,
    ImageWarnings Warnings = ImageWarnings.None);
