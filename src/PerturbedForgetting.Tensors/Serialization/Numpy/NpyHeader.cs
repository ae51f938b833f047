using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using PerturbedForgetting.Tensors.Serialization.Pickle;

namespace PerturbedForgetting.Tensors.Serialization.Numpy;

/// <summary>What precedes the items in NumPy's format <c>.npy</c>, versions 1 to 3.</summary>
/// <param name="Type">Type of the items.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="FortranOrder">Whether the first index changes fastest.</param>
/// <param name="Length">Bytes of the header.</param>
sealed partial record NpyHeader(NumpyType Type, long[] Shape, bool FortranOrder, int Length)
{
    /// <summary>NumPy itself refuses more than a tenth of it.</summary>
    const int MostBytes = 1 << 17;

    public static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads the header from the beginning of a stream.</summary>
    /// <param name="stream">The file or member.</param>
    /// <param name="defect">Makes the exception of a defect.</param>
    public static NpyHeader Read(Stream stream, Func<string, WeightsException> defect)
    {
        byte[] start = new byte[8];
        if (stream.ReadAtLeast(start, 8, throwOnEndOfStream: false) < 8 || !start.AsSpan(0, 6).SequenceEqual(Magic))
            throw defect("it is no array of NumPy (.npy), or is damaged.");
        if (start[6] is 0 or > 3)
            throw defect($"it is of version {start[6]} of NumPy's format; versions 1 to 3 are read.");
        byte[] lengthBytes = new byte[start[6] == 1 ? 2 : 4];
        if (stream.ReadAtLeast(lengthBytes, lengthBytes.Length, throwOnEndOfStream: false) < lengthBytes.Length)
            throw defect("its header is cut off.");
        uint length = start[6] == 1
            ? BinaryPrimitives.ReadUInt16LittleEndian(lengthBytes)
            : BinaryPrimitives.ReadUInt32LittleEndian(lengthBytes);
        if (length > MostBytes)
            throw defect($"its header claims {length} bytes.");
        byte[] text = new byte[length];
        if (stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false) < text.Length)
            throw defect("its header is cut off.");
        return Parse(Encoding.UTF8.GetString(text), start.Length + lengthBytes.Length + text.Length, defect);
    }

    static NpyHeader Parse(string text, int length, Func<string, WeightsException> defect)
    {
        Match type = Descr().Match(text), order = Order().Match(text), shape = ShapeTuple().Match(text);
        if (!order.Success || !shape.Success)
            throw defect("its header lacks shape or order.");
        string[] items = shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (items.Length > PickleTypes.MostDimensions)
            throw defect($"it has {items.Length} dimensions.");
        long[] sizes = new long[items.Length];
        for (int i = 0; i < sizes.Length; i++)
            if (!long.TryParse(items[i].TrimEnd('L'), NumberStyles.None, CultureInfo.InvariantCulture, out sizes[i]))
                throw defect($"a size in its header is '{items[i]}'.");
        // Records have a list in the place of a text.
        var numpyType = new NumpyType(type.Success ? type.Groups[2].Value : "V")
        {
            BigEndian = type.Success && type.Groups[1].Value == ">",
            HasFields = !type.Success,
        };
        return new(numpyType, sizes, order.Groups[1].Value == "True", length);
    }

    [GeneratedRegex("""['"]descr['"]\s*:\s*['"]([<>|=]?)([A-Za-z?][0-9]{0,9})['"]""")]
    private static partial Regex Descr();

    [GeneratedRegex("""['"]fortran_order['"]\s*:\s*(True|False)""")]
    private static partial Regex Order();

    [GeneratedRegex("""['"]shape['"]\s*:\s*\(([0-9L, ]*)\)""")]
    private static partial Regex ShapeTuple();
}
