namespace PerturbedForgetting.Vision.Imaging;

/// <summary>What is wrong with an image that could be decoded all the same, as every decoder of its format does.</summary>
[Flags]
public enum ImageWarnings
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Bytes that belong to nothing lie before a marker; they are passed over.</summary>
    ExtraBytes = 1,

    /// <summary>The image is complete but its end marker is missing.</summary>
    NoEndMarker = 2,

    /// <summary>The scans of a progressive JPEG do not follow on each other.</summary>
    ScanOrder = 4,

    /// <summary>Codes that the image's tables do not have.</summary>
    BadCodes = 8,

    /// <summary>The data of a scan end before all of its blocks; what is missing is grey or as the scans before left it.</summary>
    ShortData = 16,

    /// <summary>Restart markers are missing or out of order; decoding goes on at the next one that fits.</summary>
    RestartMarkers = 32,

    /// <summary>The kinds that mean wrong pixels.</summary>
    Damage = BadCodes | ShortData | RestartMarkers,
}

/// <summary>Words for <see cref="ImageWarnings"/>.</summary>
static class ImageWarningText
{
    static readonly (ImageWarnings Kind, string Text)[] Texts =
    [
        (ImageWarnings.BadCodes, "codes that its tables do not have"),
        (ImageWarnings.ShortData, "image data that end too early"),
        (ImageWarnings.RestartMarkers, "missing or wrong restart markers"),
        (ImageWarnings.ScanOrder, "scans that do not follow on each other"),
        (ImageWarnings.ExtraBytes, "stray bytes before a marker"),
        (ImageWarnings.NoEndMarker, "no end marker"),
    ];

    /// <summary>Whether pixels of the image are wrong.</summary>
    public static bool AreDamage(this ImageWarnings warnings) => (warnings & ImageWarnings.Damage) != 0;

    /// <summary>What there is, in words.</summary>
    public static string Describe(this ImageWarnings warnings) =>
        string.Join(", ", Texts.Where(t => (warnings & t.Kind) != 0).Select(t => t.Text));
}
