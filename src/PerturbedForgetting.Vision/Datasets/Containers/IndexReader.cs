using System.Text;

namespace PerturbedForgetting.Vision.Datasets.Containers;

/// <summary>Reads what an <see cref="IndexWriter"/> wrote, and trusts none of it.</summary>
/// <param name="data">The numbers and texts.</param>
sealed class IndexReader(ReadOnlyMemory<byte> data)
{
    static readonly UTF8Encoding strictly = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    int position;

    /// <summary>Bytes that are left.</summary>
    public int Remaining => data.Length - position;

    /// <summary>The next number, from 0.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    public long Number()
    {
        ulong number = 0;
        for (int shift = 0; shift < 63; shift += 7)
        {
            if (position == data.Length)
                throw Damaged();
            byte next = data.Span[position++];
            number |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return (long)number;
        }
        throw Damaged();
    }

    /// <summary>The next number, which must lie in [0, <paramref name="largest"/>].</summary>
    /// <exception cref="InvalidDataException">It does not.</exception>
    public long Number(long largest) => Number() is var number && number <= largest ? number : throw Damaged();

    /// <summary>The number of things that follow, each of which takes a byte at least: no more than there is room for.</summary>
    /// <exception cref="InvalidDataException">There is not.</exception>
    public int Count() => (int)Number(Remaining);

    /// <summary>The next text.</summary>
    /// <exception cref="InvalidDataException">It is cut short or no UTF-8.</exception>
    public string Text()
    {
        try
        {
            return strictly.GetString(Bytes().Span);
        }
        catch (ArgumentException)
        {
            throw Damaged();
        }
    }

    /// <summary>The next bytes that were written together.</summary>
    /// <exception cref="InvalidDataException">They are cut short.</exception>
    public ReadOnlyMemory<byte> Bytes()
    {
        int length = (int)Number(Remaining);
        if (length > Remaining)
            throw Damaged();
        position += length;
        return data.Slice(position - length, length);
    }

    static InvalidDataException Damaged() => new("the index is damaged");
}
