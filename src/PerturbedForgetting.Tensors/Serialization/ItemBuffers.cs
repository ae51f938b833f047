namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Brings items in another order.</summary>
static class ItemBuffers
{
    /// <summary>Items of a strided view in row-major order.</summary>
    /// <param name="items">Bytes of the storage, from the view's first item on.</param>
    /// <param name="size">Bytes of an item.</param>
    /// <param name="shape">Of the view.</param>
    /// <param name="strides">In items.</param>
    public static byte[] Gather(ReadOnlySpan<byte> items, int size, ReadOnlySpan<long> shape, ReadOnlySpan<long> strides)
    {
        long count = 1;
        foreach (long extent in shape)
            count *= extent;
        byte[] result = new byte[checked((int)(count * size))];
        Span<long> index = stackalloc long[shape.Length];
        index.Clear();
        long at = 0;
        for (int to = 0; to < result.Length; to += size)
        {
            items.Slice((int)(at * size), size).CopyTo(result.AsSpan(to));
            for (int d = shape.Length - 1; d >= 0; d--)
            {
                at += strides[d];
                if (++index[d] < shape[d])
                    break;
                at -= strides[d] * shape[d];
                index[d] = 0;
            }
        }
        return result;
    }

    /// <summary>Exchanges the most and the least significant byte of each item, and so on inward.</summary>
    public static void SwapBytes(Span<byte> items, int size)
    {
        for (int at = 0; at + size <= items.Length; at += size)
            items.Slice(at, size).Reverse();
    }

    /// <summary>Strides in items of a dense array; the first index changes fastest where <paramref name="fortran"/>.</summary>
    public static long[] DenseStrides(ReadOnlySpan<long> shape, bool fortran = false)
    {
        long[] strides = new long[shape.Length];
        long stride = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            int d = fortran ? i : shape.Length - 1 - i;
            strides[d] = stride;
            stride *= Math.Max(shape[d], 1);
        }
        return strides;
    }
}
