using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace PerturbedForgetting.Cuda;

/// <summary>What a PTX text says about itself: its version, its target, and the sizes of each kernel's parameters, which the driver
/// does not check.</summary>
sealed partial class PtxHeader
{
    PtxHeader(int version, string target, FrozenDictionary<string, int[]> parameterSizes) =>
        (Version, Target, ParameterSizes) = (version, target, parameterSizes);

    /// <summary>10·major + minor.</summary>
    public int Version { get; }

    /// <summary><c>sm_80</c>.</summary>
    public string Target { get; }

    /// <summary>Bytes of each parameter of each kernel.</summary>
    public FrozenDictionary<string, int[]> ParameterSizes { get; }

    /// <summary>Reads a module; null when it is no PTX text.</summary>
    public static PtxHeader? Read(ReadOnlySpan<byte> image)
    {
        int end = image.IndexOf((byte)0);
        if (end < 0 || image[..Math.Min(end, 4096)].IndexOf(".version"u8) < 0)
            return null;
        string text = Encoding.UTF8.GetString(image[..end]);
        if (VersionPattern().Match(text) is not { Success: true } version)
            return null;
        Dictionary<string, int[]> kernels = [];
        foreach (Match entry in EntryPattern().Matches(text))
            kernels[entry.Groups["name"].Value] = [.. ParameterPattern().Matches(entry.Groups["list"].Value).Select(SizeOf)];
        int number = (10 * int.Parse(version.Groups[1].ValueSpan, CultureInfo.InvariantCulture)) + int
            .Parse(version.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
        return new PtxHeader(number, TargetPattern().Match(text).Groups[1].Value, kernels.ToFrozenDictionary());
    }

    static int SizeOf(Match parameter)
    {
        int bytes = int.Parse(parameter.Groups["bits"].ValueSpan, CultureInfo.InvariantCulture) / 8;
        return parameter.Groups["count"] is { Success: true } count
            ? bytes * int.Parse(count.ValueSpan, CultureInfo.InvariantCulture)
            : bytes;
    }

    [GeneratedRegex(@"^\s*\.version\s+(\d+)\.(\d+)", RegexOptions.Multiline)]
    private static partial Regex VersionPattern();

    [GeneratedRegex(@"^\s*\.target\s+(\w+)", RegexOptions.Multiline)]
    private static partial Regex TargetPattern();

    [GeneratedRegex(@"\.entry\s+(?<name>[\w$%]+)\s*(\((?<list>[^)]*)\))?")]
    private static partial Regex EntryPattern();

    [GeneratedRegex(@"\.param\b[^,]*?\.[busf](?<bits>8|16|32|64)\b[^,\[]*(\[(?<count>\d+)\])?")]
    private static partial Regex ParameterPattern();
}
