using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>One tensor of an open <see cref="SafetensorsFile"/>: name, type, shape, and access to its row-major data.</summary>
public sealed class SafetensorsEntry
{
    const int ChunkBytes = 1 << 16;

    readonly SafetensorsFile file;
    readonly long[] shape;

    internal SafetensorsEntry(SafetensorsFile file, string name, SafetensorsDType dtype, long[] shape, long begin, long byteLength)
    {
        this.file = file;
        Name = name;
        DType = dtype;
        this.shape = shape;
        Begin = begin;
        ByteLength = byteLength;
    }

    /// <summary>The tensor's name.</summary>
    public string Name { get; }

    /// <summary>Type of the items as stored.</summary>
    public SafetensorsDType DType { get; }

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public ReadOnlySpan<long> Shape => shape;

    /// <summary>Path of the file.</summary>
    internal string Path => file.Path;

    /// <summary>Number of items.</summary>
    public long Count => ByteLength / DType.Size();

    /// <summary>Bytes of data.</summary>
    public long ByteLength { get; }

    /// <summary>Offset of the data from the beginning of the file's data section.</summary>
    internal long Begin { get; }

    /// <summary>Copies the raw little-endian bytes.</summary>
    /// <param name="destination">Exactly <see cref="ByteLength"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    /// <exception cref="SafetensorsException">The file has become shorter since it was opened.</exception>
    public void Read(Span<byte> destination)
    {
        RequireLength(destination.Length, ByteLength);
        file.ReadData(Begin, destination);
    }

    /// <summary>Reads floating-point items as single precision: F32 exactly, F16 and BF16 widened, F64 rounded to nearest.</summary>
    /// <param name="destination">Exactly <see cref="Count"/> items.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    /// <exception cref="SafetensorsException">The items are integers, or the file has become shorter since it was opened.</exception>
    public void ReadFloat32(Span<float> destination)
    {
        RequireLength(destination.Length, Count);
        switch (DType)
        {
            case SafetensorsDType.F32:
                file.ReadData(Begin, MemoryMarshal.AsBytes(destination));
                break;
            case SafetensorsDType.F64:
                Convert<double>(destination, static x => (float)x);
                break;
            case SafetensorsDType.F16:
                Convert<Half>(destination, static x => (float)x);
                break;
            case SafetensorsDType.BF16:
                Convert<ushort>(destination, static x => BitConverter.UInt32BitsToSingle((uint)x << 16));
                break;
            default:
                throw new SafetensorsException(file.Path, $"tensor '{Name}' holds {DType.Name()}, expected a floating-point type.");
        }
    }

    /// <summary>Shape as text, such as <c>[64, 3, 7, 7]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", shape)}]";

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {DType.Name()} {ShapeText}";

    void Convert<T>(Span<float> destination, Func<T, float> convert) where T : unmanaged
    {
        byte[] buffer = new byte[(int)Math.Min(ChunkBytes, ByteLength)];
        ReadOnlySpan<T> items = MemoryMarshal.Cast<byte, T>(buffer);
        for (int done = 0; done < destination.Length;)
        {
            int count = Math.Min(items.Length, destination.Length - done);
            int bytes = count * DType.Size();
            file.ReadData(Begin + (long)done * DType.Size(), buffer.AsSpan(0, bytes));
            for (int i = 0; i < count; i++)
                destination[done + i] = convert(items[i]);
            done += count;
        }
    }

    void RequireLength(long given, long needed)
    {
        if (given != needed)
            throw new ArgumentException(
                $"Tensor '{Name}' of '{file.Path}' with shape {ShapeText} needs a destination of length {needed}, got {given}.");
    }
}
