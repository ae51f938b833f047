using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>One tensor of an open <see cref="WeightsFile"/>: name, type, shape, and access to its values in row-major order.</summary>
public abstract class WeightsEntry
{
    const int ChunkBytes = 1 << 16;

    readonly long[] shape;

    private protected WeightsEntry(string path, string name, SafetensorsDType dtype, long[] shape)
    {
        (Path, Name, DType, this.shape) = (path, name, dtype, shape);
        ByteLength = dtype.ByteLength(shape);
        if (ByteLength < 0)
            throw new WeightsException(path, $"tensor '{name}' with shape {ShapeText} is larger than any file.");
    }

    /// <summary>The tensor's name.</summary>
    public string Name { get; }

    /// <summary>Type of the items as stored.</summary>
    public SafetensorsDType DType { get; }

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public ReadOnlySpan<long> Shape => shape;

    /// <summary>Path of the file.</summary>
    internal string Path { get; }

    /// <summary>Number of items.</summary>
    public long Count => ByteLength / DType.Size();

    /// <summary>Bytes of the items in row-major order.</summary>
    public long ByteLength { get; }

    /// <summary>Whether the items are floating-point numbers.</summary>
    public bool IsFloatingPoint => DType is SafetensorsDType.F32 or SafetensorsDType.F64 or SafetensorsDType.F16 or SafetensorsDType.BF16;

    /// <summary>Shape as text, such as <c>[64, 3, 7, 7]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", shape)}]";

    /// <summary>The items' bytes, little-endian and row-major, read forward.</summary>
    /// <exception cref="WeightsException">The data is damaged, or the file has become shorter since it was opened; reading may throw it
    /// too.</exception>
    public abstract Stream OpenRead();

    /// <summary>Copies the items' bytes, little-endian and row-major.</summary>
    /// <param name="destination">Exactly <see cref="ByteLength"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    /// <exception cref="WeightsException">The data is damaged, or the file has become shorter since it was opened.</exception>
    public void Read(Span<byte> destination)
    {
        RequireLength(destination.Length, ByteLength);
        using Stream stream = OpenRead();
        Fill(stream, destination);
    }

    /// <summary>Writes the items' bytes, little-endian and row-major, to a stream.</summary>
    /// <exception cref="WeightsException">The data is damaged, or the file has become shorter since it was opened.</exception>
    public void CopyTo(Stream destination)
    {
        byte[] buffer = new byte[(int)Math.Min(ChunkBytes, ByteLength)];
        using Stream stream = OpenRead();
        for (long rest = ByteLength; rest > 0;)
        {
            Span<byte> chunk = buffer.AsSpan(0, (int)Math.Min(buffer.Length, rest));
            Fill(stream, chunk);
            destination.Write(chunk);
            rest -= chunk.Length;
        }
    }

    /// <summary>Reads floating-point items as single precision: F32 exactly, F16 and BF16 widened, F64 rounded to nearest.</summary>
    /// <param name="destination">Exactly <see cref="Count"/> items.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    /// <exception cref="WeightsException">The items are integers, the data is damaged, or the file has become shorter since it was
    /// opened.</exception>
    public void ReadFloat32(Span<float> destination)
    {
        RequireLength(destination.Length, Count);
        using Stream stream = OpenRead();
        switch (DType)
        {
            case SafetensorsDType.F32:
                Fill(stream, MemoryMarshal.AsBytes(destination));
                break;
            case SafetensorsDType.F64:
                Convert<double, float>(stream, destination, static x => (float)x);
                break;
            case SafetensorsDType.F16:
                Convert<Half, float>(stream, destination, static x => (float)x);
                break;
            case SafetensorsDType.BF16:
                Convert<ushort, float>(stream, destination, static x => BitConverter.UInt32BitsToSingle((uint)x << 16));
                break;
            default:
                throw Defect($"tensor '{Name}' holds {DType.Name()}, expected a floating-point type.");
        }
    }

    /// <summary>Reads a counter of whatever numeric type.</summary>
    /// <exception cref="WeightsException">It is not a single whole number, or as for <see cref="ReadFloat32"/>.</exception>
    public long ReadCounter()
    {
        if (Count != 1)
            throw Defect($"tensor '{Name}' has the shape {ShapeText}, expected a single number.");
        if (IsFloatingPoint)
        {
            Span<float> value = stackalloc float[1];
            ReadFloat32(value);
            return float.IsInteger(value[0]) && Math.Abs(value[0]) < long.MaxValue
                ? (long)value[0]
                : throw Defect(FormattableString.Invariant($"tensor '{Name}' is {value[0]}, expected a whole number."));
        }
        Span<byte> item = stackalloc byte[DType.Size()];
        Read(item);
        return DType switch
        {
            SafetensorsDType.I64 => MemoryMarshal.Read<long>(item),
            SafetensorsDType.I32 => MemoryMarshal.Read<int>(item),
            SafetensorsDType.I16 => MemoryMarshal.Read<short>(item),
            SafetensorsDType.I8 => (sbyte)item[0],
            _ => item[0],
        };
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {DType.Name()} {ShapeText}";

    private protected virtual WeightsException Defect(string defect) => new(Path, defect);

    void Fill(Stream stream, Span<byte> destination)
    {
        if (stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false) < destination.Length)
            throw Defect($"the data of tensor '{Name}' ends early: the file is truncated or damaged.");
    }

    void Convert<T, TTo>(Stream stream, Span<TTo> destination, Func<T, TTo> convert) where T : unmanaged
    {
        byte[] buffer = new byte[(int)Math.Min(ChunkBytes, ByteLength)];
        ReadOnlySpan<T> items = MemoryMarshal.Cast<byte, T>(buffer);
        for (int done = 0; done < destination.Length;)
        {
            int count = Math.Min(items.Length, destination.Length - done);
            Fill(stream, buffer.AsSpan(0, count * DType.Size()));
            for (int i = 0; i < count; i++)
                destination[done + i] = convert(items[i]);
            done += count;
        }
    }

    void RequireLength(long given, long needed)
    {
        if (given != needed)
            throw new ArgumentException(
                $"Tensor '{Name}' of '{Path}' with shape {ShapeText} needs a destination of length {needed}, got {given}.");
    }
}
