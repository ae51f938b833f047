using System.Text;

namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>Writes numbers and texts, small numbers in few bytes.</summary>
sealed class IndexWriter
{
    readonly MemoryStream data = new();

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Data => data.GetBuffer().AsSpan(0, (int)data.Length);

    /// <summary>Writes a number, from 0.</summary>
    public void Number(long number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        for (; number >= 0x80; number >>= 7)
            data.WriteByte((byte)(number | 0x80));
        data.WriteByte((byte)number);
    }

    /// <summary>Writes a text.</summary>
    public void Text(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    /// <summary>Writes bytes that are read together.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Number(bytes.Length);
        data.Write(bytes);
    }
}
