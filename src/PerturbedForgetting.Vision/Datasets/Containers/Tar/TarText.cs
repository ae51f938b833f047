using System.Text;

namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Names in tar archives.</summary>
static class TarText
{
    static readonly UTF8Encoding strictly = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Text of bytes: UTF-8, or what is none as Latin-1, so that no two names become one.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return strictly.GetString(bytes);
        }
        catch (ArgumentException)
        {
            return Encoding.Latin1.GetString(bytes);
        }
    }

    /// <summary>A name without "./", doubled and leading slashes; null where it would lead out of the archive's folder.</summary>
    public static string? Clean(string name)
    {
        if (!name.StartsWith('.') && !name.StartsWith('/') && !name.EndsWith('/') && !name.Contains("//", StringComparison.Ordinal)
            && !name.Contains("/.", StringComparison.Ordinal))
            return name;
        string[] parts = [.. name.Split('/').Where(static p => p is not ("" or "."))];
        return parts.Contains("..") ? null : string.Join('/', parts);
    }

    /// <summary>Whether a file, or a folder that it is in, is hidden or litter: ".DS_Store", "._a.jpg", "__MACOSX/…".</summary>
    public static bool IsLitter(string name)
    {
        foreach (Range part in name.AsSpan().Split('/'))
        {
            if (FolderScan.IsLitter(name.AsSpan()[part]))
                return true;
        }
        return false;
    }
}
