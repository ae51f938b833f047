using System.Buffers.Text;
using System.Text;

namespace PerturbedForgetting.Vision.Imaging.Pnm;

/// <summary>What the header of a PBM, PGM, PPM or PAM says.</summary>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
/// <param name="Channels">Samples of a pixel: 1 or 2 for grey, 3 or 4 for colour; the last of 2 or 4 is alpha.</param>
/// <param name="Largest">The sample that stands for full intensity, up to 65535.</param>
/// <param name="Plain">Whether samples are decimal numbers.</param>
/// <param name="Bilevel">Whether samples are single bits or digits of which 1 is black.</param>
/// <param name="Position">Where the samples begin.</param>
readonly record struct PnmHeader(
    int Width, int Height, int Channels, int Largest, bool Plain, bool Bilevel, int Position)
{
    const string FloatingPoint = "floating point (PFM)", Channel = "PAM of more than 4 channels";

    /// <summary>Kinds that are refused.</summary>
    public static IReadOnlyList<string> Refused { get; } = [FloatingPoint, Channel];

    public static PnmHeader Read(ReadOnlySpan<byte> data)
    {
        byte kind = data[1];
        if (kind is (byte)'f' or (byte)'F')
            throw DecodeErrors.Unsupported("PNM", FloatingPoint);
        var text = new PnmText(data, 2, "the header");
        PnmHeader header = kind == '7' ? ReadPam(ref text) : ReadNumbers(ref text, kind - '0');
        if (header.Width <= 0 || header.Height <= 0)
            throw DecodeErrors.Corrupt("PNM", FormattableString.Invariant($"its size is {header.Width} x {header.Height}"));
        if (header.Largest is < 1 or > 65535)
            throw DecodeErrors.Corrupt("PNM", FormattableString.Invariant($"its largest sample is {header.Largest}"));
        return header;
    }

    static PnmHeader ReadNumbers(ref PnmText text, int kind)
    {
        bool bilevel = kind is 1 or 4;
        (int width, int height, int largest) = (text.Number(), text.Number(), bilevel ? 1 : text.Number());
        return new PnmHeader(width, height, kind is 3 or 6 ? 3 : 1, largest, kind <= 3, bilevel, text.Position);
    }

    /// <summary>Lines of a name and a value up to ENDHDR.</summary>
    static PnmHeader ReadPam(ref PnmText text)
    {
        var header = new PnmHeader(0, 0, 0, 0, Plain: false, Bilevel: false, 0);
        while (true)
        {
            ReadOnlySpan<byte> line = text.Line();
            if (line.SequenceEqual("ENDHDR"u8))
                break;
            if (line.IsEmpty || line[0] == '#' || line.StartsWith("TUPLTYPE"u8))
                continue;
            int space = Math.Max(line.IndexOfAny(" \t"u8), 0);
            ReadOnlySpan<byte> value = line[space..].Trim(" \t"u8);
            if (!Utf8Parser.TryParse(value, out int number, out int used) || used != value.Length)
            {
                string start = Encoding.Latin1.GetString(line[..Math.Min(line.Length, 40)]);
                throw DecodeErrors.Corrupt("PNM", $"its header has the line '{start}'");
            }
            header = Encoding.Latin1.GetString(line[..space]) switch
            {
                "WIDTH" => header with { Width = number },
                "HEIGHT" => header with { Height = number },
                "DEPTH" => header with { Channels = number },
                "MAXVAL" => header with { Largest = number },
                _ => header,
            };
        }
        if (header.Channels < 1)
            throw DecodeErrors.Corrupt("PNM", FormattableString.Invariant($"it has {header.Channels} channels"));
        return header.Channels <= 4 ? header with { Position = text.Position } : throw DecodeErrors.Unsupported("PNM", Channel);
    }
}
