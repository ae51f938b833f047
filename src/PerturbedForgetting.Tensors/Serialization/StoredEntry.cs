namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>A tensor that is a view of items which lie somewhere as a stream of bytes.</summary>
/// <param name="path">The file.</param>
/// <param name="name">The tensor's name.</param>
/// <param name="view">Where its items lie.</param>
sealed class StoredEntry(string path, string name, StoredView view) : WeightsEntry(path, name, view.DType, view.Shape)
{
    public override Stream OpenRead()
    {
        if (ByteLength == 0)
            return Stream.Null;
        int size = DType.Size();
        Stream stream = view.Open(view.Offset * size, view.Span * size);
        if (view.IsDense && !view.SwapsBytes)
            return stream;
        if (view.Span * size > Array.MaxLength || ByteLength > Array.MaxLength)
            throw Defect($"tensor '{Name}' is a view of {view.Span * size} bytes that are not in order; at most 2 GB can be brought in "
                + "order.");
        byte[] items = new byte[view.Span * size];
        using (stream)
            if (stream.ReadAtLeast(items, items.Length, throwOnEndOfStream: false) < items.Length)
                throw Defect($"the data of tensor '{Name}' ends early: the file is truncated or damaged.");
        if (view.SwapsBytes)
            ItemBuffers.SwapBytes(items, size);
        return new MemoryStream(view.IsDense ? items : ItemBuffers.Gather(items, size, Shape, view.Strides), writable: false);
    }
}

/// <summary>Where the items of a tensor lie.</summary>
/// <param name="DType">Their type.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Strides">Distances in items, none negative.</param>
/// <param name="Offset">The first item.</param>
/// <param name="SwapsBytes">Whether the first byte of an item is its most significant one.</param>
/// <param name="Open">Bytes of the storage from an offset on, so many.</param>
sealed record StoredView(SafetensorsDType DType, long[] Shape, long[] Strides, long Offset, bool SwapsBytes, Func<long, long, Stream> Open)
{
    /// <summary>Items from the first to the last, those between included.</summary>
    public long Span { get; } = Extent(Shape, Strides);

    /// <summary>Whether the items lie in row-major order without gaps.</summary>
    public bool IsDense { get; } = Dense(Shape, Strides);

    /// <summary>Items of a storage that a view of it spans; -1 where they are more than fit 63 bits.</summary>
    public static long Extent(ReadOnlySpan<long> shape, ReadOnlySpan<long> strides)
    {
        Int128 last = 0;
        if (shape.Contains(0))
            return 0;
        for (int d = 0; d < shape.Length; d++)
        {
            last += (Int128)(shape[d] - 1) * strides[d];
            if (last >= long.MaxValue)
                return -1;
        }
        return (long)last + 1;
    }

    static bool Dense(ReadOnlySpan<long> shape, ReadOnlySpan<long> strides)
    {
        long expected = 1;
        for (int d = shape.Length - 1; d >= 0; d--)
        {
            if (shape[d] != 1 && strides[d] != expected)
                return false;
            expected *= Math.Max(shape[d], 1);
        }
        return true;
    }
}
