using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Data;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Vision.Loading;

/// <summary>A batch of transformed images with their labels. It belongs to the loader and is valid until the next one is
/// asked for; its memory is not filled anew while a device copies from it.</summary>
public sealed class ImageBatch
{
    readonly int[] indices;

    internal ImageBatch(ImageBatchLayout layout, Device device)
    {
        Layout = layout;
        indices = new int[layout.Capacity];
        Memory = HostBuffer.Allocate(device, layout.Bytes);
    }

    /// <summary>Labels, flags and pixels.</summary>
    public HostBuffer Memory { get; }

    /// <summary>Where they lie in <see cref="Memory"/>.</summary>
    public ImageBatchLayout Layout { get; }

    /// <summary>Number of images; less than the batch size only at the end of an epoch that keeps its last batch.</summary>
    public int Count { get; internal set; }

    /// <summary>The batch's number within its epoch, from 0.</summary>
    public int Number { get; internal set; }

    /// <summary>Count x height x width x 3 samples (NHWC, red first), aligned to 64 bytes, before the mirroring.</summary>
    public Span<byte> Pixels => Memory.Span<byte>(Layout.PixelOffset, checked(Count * Layout.ImageBytes));

    /// <summary>1 for the images that are still to be mirrored left to right, else 0.</summary>
    public ReadOnlySpan<byte> Flips => Memory.Span<byte>(Layout.FlipOffset, Count);

    /// <summary>The labels of the images.</summary>
    public ReadOnlySpan<int> Labels => Memory.Span<int>(Layout.LabelOffset, Count);

    /// <summary>The images' indices in the data set.</summary>
    public ReadOnlySpan<int> Indices => indices.AsSpan(0, Count);

    internal Span<byte> Image(int position) => Memory.Span<byte>(Layout.PixelOffset + position * Layout.ImageBytes, Layout.ImageBytes);

    internal void Set(int position, int index, int label, bool flip)
    {
        indices[position] = index;
        Memory.Span<int>(Layout.LabelOffset, Layout.Capacity)[position] = label;
        Memory.Span<byte>(Layout.FlipOffset, Layout.Capacity)[position] = flip ? (byte)1 : (byte)0;
    }
}
