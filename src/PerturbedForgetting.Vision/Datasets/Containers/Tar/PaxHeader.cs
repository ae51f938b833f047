using System.Buffers.Text;
using System.Globalization;

namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>What a header of pax says of the entry behind it. Only what decides where a file is and what it is called counts.</summary>
/// <param name="Name">Its path; null where the header does not say.</param>
/// <param name="Length">Bytes of its contents; null where the header does not say.</param>
/// <param name="IsSparse">The contents are pieces of the file with a map.</param>
readonly record struct PaxHeader(string? Name, long? Length, bool IsSparse)
{
    /// <summary>Reads records "LENGTH KEY=VALUE\n", whose length counts itself.</summary>
    /// <returns>False where they are damaged.</returns>
    public static bool TryRead(ReadOnlySpan<byte> data, out PaxHeader header)
    {
        header = default;
        string? sparseName = null;
        // Some programs fill the rest with zeros.
        while (data.TrimEnd((byte)0).Length > 0)
        {
            if (!Utf8Parser.TryParse(data, out int length, out int digits) || length <= digits + 1 || length > data.Length
                || data[digits] != ' ' || data[length - 1] != '\n')
                return false;
            ReadOnlySpan<byte> record = data[(digits + 1)..(length - 1)];
            data = data[length..];
            int equals = record.IndexOf((byte)'=');
            if (equals < 0)
                return false;
            ReadOnlySpan<byte> key = record[..equals], value = record[(equals + 1)..];
            if (key.SequenceEqual("path"u8))
                header = header with { Name = TarText.Decode(value) };
            else if (key.SequenceEqual("size"u8))
            {
                if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long size))
                    return false;
                header = header with { Length = size };
            }
            else if (key.StartsWith("GNU.sparse."u8))
            {
                header = header with { IsSparse = true };
                if (key.SequenceEqual("GNU.sparse.name"u8))
                    sparseName = TarText.Decode(value);
            }
        }
        header = header with { Name = sparseName ?? header.Name };
        return true;
    }
}
