namespace PerturbedForgetting.Tensors.Data;

/// <summary>Where the parts of a batch of images lie in one block of memory, so that one copy brings all of it to a device: int32 labels,
/// flags of mirrored images, pixels, each aligned to 64 bytes.</summary>
/// <param name="Capacity">The most images.</param>
/// <param name="Height">Rows of an image.</param>
/// <param name="Width">Pixels of a row.</param>
/// <param name="Channels">Bytes of a pixel.</param>
public readonly record struct ImageBatchLayout(int Capacity, int Height, int Width, int Channels = 3)
{
    const int Alignment = 64;

    /// <summary>First byte of the labels, int32 [images].</summary>
    public int LabelOffset => 0;

    /// <summary>First byte of the flags, uint8 [images]: not 0 where an image is to be mirrored left to right.</summary>
    public int FlipOffset => Aligned(Shape.Extent((long)Capacity * sizeof(int), "bytes of a batch's labels"));

    /// <summary>First byte of the pixels, uint8 [images, height, width, channels].</summary>
    public int PixelOffset => FlipOffset + Aligned(Capacity);

    /// <summary>Bytes of an image.</summary>
    public int ImageBytes => Shape.Extent((long)Height * Width * Channels, "bytes of an image");

    /// <summary>Bytes of the whole block.</summary>
    public int Bytes => BytesOf(Capacity);

    /// <summary>Bytes from the beginning of the block that a number of images fill.</summary>
    public int BytesOf(int images) => Shape.Extent(PixelOffset + ((long)images * ImageBytes), "bytes of a batch");

    static int Aligned(int bytes) => checked(bytes + Alignment - 1) / Alignment * Alignment;
}
