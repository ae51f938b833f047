using System.Runtime.InteropServices;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>A batch of transformed images with their labels. It belongs to the loader and is valid until the next one is
/// asked for.</summary>
public sealed unsafe class ImageBatch
{
    const nuint Alignment = 64;

    readonly int[] labels;
    readonly int[] indices;
    byte* pixels;

    internal ImageBatch(int capacity, int height, int width)
    {
        (Height, Width) = (height, width);
        labels = new int[capacity];
        indices = new int[capacity];
        // Native memory: it does not move, so that it can be copied to a device while the collector runs.
        pixels = (byte*)NativeMemory.AlignedAlloc(checked((nuint)capacity * (nuint)ImageBytes), Alignment);
    }

    /// <summary>Number of images; less than the batch size only at the end of an epoch that keeps its last batch.</summary>
    public int Count { get; internal set; }

    /// <summary>The batch's number within its epoch, from 0.</summary>
    public int Number { get; internal set; }

    /// <summary>Height of each image in pixels.</summary>
    public int Height { get; }

    /// <summary>Width of each image in pixels.</summary>
    public int Width { get; }

    /// <summary>Bytes of one image: height x width x 3.</summary>
    public int ImageBytes => checked(Height * Width * 3);

    /// <summary>Count x height x width x 3 samples (NHWC, red first), aligned to 64 bytes.</summary>
    public Span<byte> Pixels => new(Address, checked(Count * ImageBytes));

    /// <summary>The labels of the images.</summary>
    public ReadOnlySpan<int> Labels => labels.AsSpan(0, Count);

    /// <summary>The images' indices in the data set.</summary>
    public ReadOnlySpan<int> Indices => indices.AsSpan(0, Count);

    byte* Address => pixels is not null ? pixels : throw new ObjectDisposedException(nameof(ImageLoader));

    internal Span<byte> Image(int position) => new(Address + (long)position * ImageBytes, ImageBytes);

    internal void Set(int position, int index, int label) => (indices[position], labels[position]) = (index, label);

    internal void Free()
    {
        NativeMemory.AlignedFree(pixels);
        pixels = null;
    }
}
