using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PerturbedForgetting.Vision.Imaging.Png;

/// <summary>Undoes the filters of rows (PNG, 9.2), which predict a byte from those of the pixels to the left, above, and above to
/// the left.</summary>
static class PngFilter
{
    /// <summary>Bytes behind a row that may be read.</summary>
    public const int Slack = 8;

    const int None = 0, Sub = 1, Up = 2, Average = 3, Paeth = 4;

    /// <summary>Undoes the filter of a row in place.</summary>
    /// <param name="filter">Its number, 0 to 4.</param>
    /// <param name="row">The row; <see cref="Slack"/> bytes behind it, and behind the one above, must exist.</param>
    /// <param name="above">The row above, zeros for the first.</param>
    /// <param name="pixelBytes">Bytes of a pixel: 1, 2, 3, 4, 6 or 8.</param>
    /// <returns>False if there is no such filter.</returns>
    public static bool Undo(int filter, Span<byte> row, ReadOnlySpan<byte> above, int pixelBytes)
    {
        switch (filter)
        {
            case None:
                return true;
            case Up:
                Add(row, above);
                return true;
            case Sub or Average or Paeth:
                switch (pixelBytes)
                {
                    case 1: Undo<Bytes1>(filter, row, above); break;
                    case 2: Undo<Bytes2>(filter, row, above); break;
                    case 3: Undo<Bytes3>(filter, row, above); break;
                    case 4: Undo<Bytes4>(filter, row, above); break;
                    case 6: Undo<Bytes6>(filter, row, above); break;
                    default: Undo<Bytes8>(filter, row, above); break;
                }
                return true;
            default:
                return false;
        }
    }

    static void Add(Span<byte> row, ReadOnlySpan<byte> above)
    {
        int i = 0;
        for (; i <= row.Length - Vector<byte>.Count; i += Vector<byte>.Count)
            (new Vector<byte>(row[i..]) + new Vector<byte>(above[i..])).CopyTo(row[i..]);
        for (; i < row.Length; i++)
            row[i] += above[i];
    }

    static void Undo<TPixel>(int filter, Span<byte> row, ReadOnlySpan<byte> above)
        where TPixel : struct, IPixel
    {
        ref byte to = ref MemoryMarshal.GetReference(row), up = ref MemoryMarshal.GetReference(above);
        if (filter == Sub)
            UndoSub<TPixel>(ref to, row.Length);
        else if (filter == Average)
            UndoAverage<TPixel>(ref to, ref up, row.Length);
        else
            UndoPaeth<TPixel>(ref to, ref up, row.Length);
    }

    static void UndoSub<TPixel>(ref byte row, int length)
        where TPixel : struct, IPixel
    {
        Vector128<ushort> left = default;
        for (int i = 0; i < length; i += TPixel.Size)
        {
            left = Load<TPixel>(ref row, i) + left;
            Store<TPixel>(left, ref row, i);
        }
    }

    static void UndoAverage<TPixel>(ref byte row, ref byte above, int length)
        where TPixel : struct, IPixel
    {
        Vector128<ushort> left = default, low = Vector128.Create((ushort)255);
        for (int i = 0; i < length; i += TPixel.Size)
        {
            left = (Load<TPixel>(ref row, i) + (left + Load<TPixel>(ref above, i) >>> 1)) & low;
            Store<TPixel>(left, ref row, i);
        }
    }

    static void UndoPaeth<TPixel>(ref byte row, ref byte above, int length)
        where TPixel : struct, IPixel
    {
        Vector128<short> left = default, corner = default, low = Vector128.Create((short)255);
        for (int i = 0; i < length; i += TPixel.Size)
        {
            Vector128<short> up = Load<TPixel>(ref above, i).AsInt16();
            Vector128<short> fromUp = left - corner, fromLeft = up - corner, both = Vector128.Abs(fromLeft + fromUp);
            Vector128<short> toLeft = Vector128.Abs(fromLeft), toUp = Vector128.Abs(fromUp);
            Vector128<short> least = Vector128.Min(both, Vector128.Min(toLeft, toUp));
            Vector128<short> guess = Vector128.ConditionalSelect(Vector128.Equals(least, toLeft), left,
                Vector128.ConditionalSelect(Vector128.Equals(least, toUp), up, corner));
            (left, corner) = ((Load<TPixel>(ref row, i).AsInt16() + guess) & low, up);
            Store<TPixel>(left.AsUInt16(), ref row, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static Vector128<ushort> Load<TPixel>(ref byte row, int at)
        where TPixel : struct, IPixel =>
        Vector128.WidenLower(Vector128.CreateScalar(TPixel.Read(ref Unsafe.Add(ref row, at))).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Store<TPixel>(Vector128<ushort> pixel, ref byte row, int at)
        where TPixel : struct, IPixel =>
        TPixel.Write(ref Unsafe.Add(ref row, at), Vector128.Narrow(pixel, pixel).AsUInt64().ToScalar());

    /// <summary>Reads and writes the bytes of a pixel. More may be read than it has, but never what the pixel before it wrote, and no
    /// more is written.</summary>
    interface IPixel
    {
        static abstract int Size { get; }

        static abstract ulong Read(ref byte at);

        static abstract void Write(ref byte at, ulong bytes);
    }

    struct Bytes1 : IPixel
    {
        public static int Size => 1;

        public static ulong Read(ref byte at) => at;

        public static void Write(ref byte at, ulong bytes) => at = (byte)bytes;
    }

    struct Bytes2 : IPixel
    {
        public static int Size => 2;

        public static ulong Read(ref byte at) => Unsafe.ReadUnaligned<ushort>(ref at);

        public static void Write(ref byte at, ulong bytes) => Unsafe.WriteUnaligned(ref at, (ushort)bytes);
    }

    struct Bytes3 : IPixel
    {
        public static int Size => 3;

        public static ulong Read(ref byte at) => Unsafe.ReadUnaligned<uint>(ref at);

        public static void Write(ref byte at, ulong bytes)
        {
            Unsafe.WriteUnaligned(ref at, (ushort)bytes);
            Unsafe.Add(ref at, 2) = (byte)(bytes >> 16);
        }
    }

    struct Bytes4 : IPixel
    {
        public static int Size => 4;

        public static ulong Read(ref byte at) => Unsafe.ReadUnaligned<uint>(ref at);

        public static void Write(ref byte at, ulong bytes) => Unsafe.WriteUnaligned(ref at, (uint)bytes);
    }

    struct Bytes6 : IPixel
    {
        public static int Size => 6;

        public static ulong Read(ref byte at) => Unsafe.ReadUnaligned<ulong>(ref at);

        public static void Write(ref byte at, ulong bytes)
        {
            Unsafe.WriteUnaligned(ref at, (uint)bytes);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref at, 4), (ushort)(bytes >> 32));
        }
    }

    struct Bytes8 : IPixel
    {
        public static int Size => 8;

        public static ulong Read(ref byte at) => Unsafe.ReadUnaligned<ulong>(ref at);

        public static void Write(ref byte at, ulong bytes) => Unsafe.WriteUnaligned(ref at, bytes);
    }
}
