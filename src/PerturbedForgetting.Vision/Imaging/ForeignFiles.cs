using System.Text;

namespace PerturbedForgetting.Vision.Imaging;

/// <summary>Names what a file is that is found in an image's place, and says what to do about it.</summary>
static class ForeignFiles
{
    const string Convert = "convert it to PNG or JPEG", Download = "download it again", Unpack = "unpack it";

    static readonly (string Mark, int At, string Name, string Advice)[] signatures =
    [
        ("version https://git-lfs", 0, "a pointer of Git LFS, not the file itself", "run git lfs pull"),
        ("ftypavif", 4, "an AVIF image", Convert),
        ("ftypavis", 4, "an AVIF animation", Convert),
        ("ftyphei", 4, "a HEIC image", Convert),
        ("ftyphev", 4, "a HEIC animation", Convert),
        ("ftypmif1", 4, "a HEIF image", Convert),
        ("ftypmsf1", 4, "a HEIF animation", Convert),
        ("ftypcrx ", 4, "a raw image of a camera (CR3)", Convert),
        ("ftyp", 4, "a video (MP4 or QuickTime)", "extract its images"),
        ("\u00FF\u000A", 0, "a JPEG XL image", Convert),
        ("\0\0\0\u000CJXL \r\n\u0087\n", 0, "a JPEG XL image", Convert),
        ("\0\0\0\u000CjP  \r\n\u0087\n", 0, "a JPEG 2000 image", Convert),
        ("\u00FF\u004F\u00FF\u0051", 0, "a JPEG 2000 image", Convert),
        ("II\u00BC\u0001", 0, "a JPEG XR image", Convert),
        ("\u0097JB2\r\n\u001A\n", 0, "a JBIG2 image", Convert),
        ("8BPS", 0, "a Photoshop image (PSD)", Convert),
        ("gimp xcf", 0, "a GIMP image (XCF)", Convert),
        ("\u0076\u002F\u0031\u0001", 0, "an OpenEXR image", Convert),
        ("#?RADIANCE", 0, "a Radiance image (HDR)", Convert),
        ("qoif", 0, "a QOI image", Convert),
        ("FLIF", 0, "a FLIF image", Convert),
        ("BPG\u00FB", 0, "a BPG image", Convert),
        ("DDS ", 0, "a DirectDraw texture (DDS)", Convert),
        ("\u00ABKTX", 0, "a Khronos texture (KTX)", Convert),
        ("farbfeld", 0, "a farbfeld image", Convert),
        ("SIMPLE  =", 0, "a FITS image", Convert),
        ("FUJIFILMCCD-RAW", 0, "a raw image of a camera (RAF)", Convert),
        ("DICM", 128, "a DICOM image", Convert),
        ("\0\0\u0001\0", 0, "an icon (ICO)", Convert),
        ("\0\0\u0002\0", 0, "a cursor (CUR)", Convert),
        ("%PDF-", 0, "a PDF document", Convert),
        ("%!PS", 0, "a PostScript document", Convert),
        ("{\\rtf", 0, "an RTF document", Download),
        ("AVI ", 8, "a video (AVI)", "extract its images"),
        ("WAVE", 8, "a sound (WAV)", Download),
        ("\u001A\u0045\u00DF\u00A3", 0, "a video (Matroska or WebM)", "extract its images"),
        ("OggS", 0, "a video or sound (Ogg)", "extract its images"),
        ("FLV\u0001", 0, "a video (FLV)", "extract its images"),
        ("\0\0\u0001\u00BA", 0, "a video (MPEG)", "extract its images"),
        ("ID3", 0, "a sound (MP3)", Download),
        ("PK\u0003\u0004", 0, "a zip archive", Unpack),
        ("PK\u0005\u0006", 0, "an empty zip archive", Download),
        ("Rar!\u001A\u0007", 0, "a RAR archive", Unpack),
        ("7z\u00BC\u00AF\u0027\u001C", 0, "a 7-Zip archive", Unpack),
        ("BZh", 0, "a bzip2 archive", Unpack),
        ("\u00FD7zXZ\0", 0, "an xz archive", Unpack),
        ("\u0028\u00B5\u002F\u00FD", 0, "a Zstandard archive", Unpack),
        ("ustar", 257, "a tar archive", Unpack),
        ("PAR1", 0, "a Parquet file", "give its folder as the data set"),
        ("\u0089HDF\r\n\u001A\n", 0, "an HDF5 file", "write its images to files"),
        ("\u0093NUMPY", 0, "a NumPy array", "write its images to files"),
        ("SQLite format 3", 0, "an SQLite data base", Download),
        ("\0\u0005\u0016\u0007", 0, "what macOS keeps beside a file (AppleDouble)", "delete it"),
        ("bplist00", 0, "a property list of macOS", Download),
        ("\u007FELF", 0, "a program (ELF)", Download),
        ("MZ", 0, "a program of Windows", Download),
    ];

    /// <summary>Bytes that are enough to tell.</summary>
    public const int Head = 512;

    /// <summary>What a file is and what to do, as the end of a sentence; null where nothing tells.</summary>
    public static string? Describe(ReadOnlySpan<byte> data)
    {
        data = data[..Math.Min(data.Length, Head)];
        foreach ((string mark, int at, string name, string advice) in signatures)
        {
            if (data.Length >= at + mark.Length && IsAt(data[at..], mark))
                return $"it is {name}, which is not read: {advice}";
        }
        if (!data.ContainsAnyExcept((byte)0))
            return "it is nothing but zeros, as files are whose copying or download was broken off: " + Download;
        return DescribeText(data);
    }

    static string? DescribeText(ReadOnlySpan<byte> data)
    {
        bool isWide = data is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
        string text = (data is [0xFE, 0xFF, ..] ? Encoding.BigEndianUnicode : isWide ? Encoding.Unicode : Encoding.UTF8).GetString(data)
            .TrimStart('\uFEFF').TrimStart();
        bool has(string word) => text.Contains(word, StringComparison.OrdinalIgnoreCase);
        bool begins(string word) => text.StartsWith(word, StringComparison.OrdinalIgnoreCase);
        if (begins("<svg") || (text.StartsWith('<') && has("<svg")))
            return "it is an SVG drawing: " + Convert;
        if (begins("<!doctype html") || begins("<html") || begins("<head") || begins("<body")
            || (text.StartsWith('<') && (has("<html") || has("<!doctype html"))))
            return "it is an HTML page, as servers send in place of a file that is missing or needs a login: " + Download;
        if (begins("<?xml"))
            return "it is an XML document, as stores send in place of a file that they refuse: " + Download;
        if (text.StartsWith('{') && has("\""))
            return "it is JSON, as servers send in place of a file that they refuse: " + Download;
        // The last character may be cut in two.
        return text.Length > 1 && text[..^1].All(static c => c is '\r' or '\n' or '\t' or (>= ' ' and < '\uFFFD' and not '\u007F'))
            ? "it is text, not an image: " + Download : null;
    }

    static bool IsAt(ReadOnlySpan<byte> data, string mark)
    {
        for (int i = 0; i < mark.Length; i++)
        {
            if (data[i] != mark[i])
                return false;
        }
        return true;
    }
}
