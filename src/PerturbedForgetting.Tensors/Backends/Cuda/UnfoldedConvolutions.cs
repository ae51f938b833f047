using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>
/// Convolutions as matrix products over unfolded windows (im2col), for a machine without cuDNN and for shapes that it does not take;
/// and those that need no unfolding, because a window is a pixel. The unfolded windows of a batch can be many times its size, so it is
/// worked on in parts of bounded size.
/// </summary>
sealed class UnfoldedConvolutions(KernelLibrary library, CudaStream stream, MatrixProducts products, CachingAllocator allocator)
{
    const long MostUnfolded = 64L << 20, MostRows = 1L << 30;

    readonly Im2Col im2Col = new(library);
    readonly BlockCopy blocks = new(library);

    /// <summary>y = x * weight + bias; the bias may be null.</summary>
    public void Forward(in ConvolutionShape shape, DevicePointer x, DevicePointer weight, DevicePointer bias, DevicePointer y)
    {
        foreach (Part part in Parts(shape))
        {
            for (int group = 0; group < shape.Groups; group++)
            {
                using Block windows = Unfold(shape, part, group, x);
                using Block narrow = shape.Groups == 1 ? default : new Block(allocator, part.Rows * shape.GroupFilters);
                DevicePointer rows = y + Bytes(part.FirstRow * shape.Filters);
                products.Linear(shape.Groups == 1 ? rows : narrow.Pointer, windows.Pointer, Group(weight, shape, group),
                    bias.IsNull ? bias : bias + Bytes(group * shape.GroupFilters), part.RowCount, shape.WindowLength, shape.GroupFilters);
                if (shape.Groups > 1)
                    blocks.Launch(stream, rows, new(group * shape.GroupFilters, shape.Filters), narrow.Pointer, new(0, shape.GroupFilters),
                        sizeof(float), shape.GroupFilters, part.Rows);
            }
        }
    }

    /// <summary>dx, given the gradient of the output, or += with <paramref name="accumulate"/>, where a window is a pixel.</summary>
    public void BackwardInput(in ConvolutionShape shape, DevicePointer dy, DevicePointer weight, DevicePointer dx, bool accumulate)
    {
        foreach (Part part in Parts(shape))
        {
            for (int group = 0; group < shape.Groups; group++)
            {
                using Block gradient = GroupRows(shape, part, group, dy);
                DevicePointer image = dx + Bytes((long)part.FirstImage * shape.Height * shape.Width * shape.Channels);
                using Block windows = shape.IsPointwise ? new Block(image) : new Block(allocator, part.Rows * shape.WindowLength);
                products.Run(windows.Pointer, new(gradient.Pointer, false, shape.GroupFilters),
                    new(Group(weight, shape, group), false, shape.WindowLength),
                    part.RowCount, shape.WindowLength, shape.GroupFilters, 1, accumulate);
                if (!shape.IsPointwise)
                    im2Col.Backward(stream, image, windows.Pointer, shape, group, part.Images);
            }
        }
    }

    /// <summary>dweight, or += with <paramref name="accumulate"/>.</summary>
    public void BackwardWeight(in ConvolutionShape shape, DevicePointer x, DevicePointer dy, DevicePointer dweight, bool accumulate)
    {
        foreach (Part part in Parts(shape))
        {
            for (int group = 0; group < shape.Groups; group++)
            {
                using Block windows = Unfold(shape, part, group, x);
                using Block gradient = GroupRows(shape, part, group, dy);
                products.Run(Group(dweight, shape, group), new(gradient.Pointer, true, shape.GroupFilters),
                    new(windows.Pointer, false, shape.WindowLength),
                    shape.GroupFilters, shape.WindowLength, part.RowCount, 1, accumulate || part.FirstImage > 0);
            }
        }
    }

    /// <summary>Consecutive images, and the output pixels of these as rows.</summary>
    readonly record struct Part(int FirstImage, int Images, int Pixels)
    {
        public long FirstRow => (long)FirstImage * Pixels;

        public long Rows => (long)Images * Pixels;

        public int RowCount => Shape.Extent(Rows, "pixels of a convolution's output");
    }

    static IEnumerable<Part> Parts(ConvolutionShape shape)
    {
        // A product has at most so many rows, and sums over them in the gradient of the weight.
        long most = Math.Clamp(shape.IsPointwise
            ? MostRows / shape.OutputPixels
            : MostUnfolded / ((long)shape.OutputPixels * shape.WindowLength), 1, shape.N);
        for (long first = 0; first < shape.N; first += most)
            yield return new((int)first, (int)Math.Min(most, shape.N - first), shape.OutputPixels);
    }

    Block Unfold(in ConvolutionShape shape, Part part, int group, DevicePointer x)
    {
        DevicePointer image = x + Bytes((long)part.FirstImage * shape.Height * shape.Width * shape.Channels);
        if (shape.IsPointwise)
            return new Block(image);
        long count = part.Rows * shape.WindowLength;
        var windows = new Block(allocator, count);
        im2Col.Forward(stream, windows.Pointer, image, shape, group, part.Images);
        return windows;
    }

    /// <summary>The channels of a group of dy as rows of their own.</summary>
    Block GroupRows(in ConvolutionShape shape, Part part, int group, DevicePointer dy)
    {
        DevicePointer rows = dy + Bytes(part.FirstRow * shape.Filters);
        if (shape.Groups == 1)
            return new Block(rows);
        var narrow = new Block(allocator, part.Rows * shape.GroupFilters);
        blocks.Launch(stream, narrow.Pointer, new(0, shape.GroupFilters), rows, new(group * shape.GroupFilters, shape.Filters),
            sizeof(float), shape.GroupFilters, part.Rows);
        return narrow;
    }

    static DevicePointer Group(DevicePointer weight, in ConvolutionShape shape, int group) =>
        weight + Bytes((long)group * shape.GroupFilters * shape.WindowLength);

    static long Bytes(long elements) => sizeof(float) * elements;

    /// <summary>Rows of a matrix: memory of its own, given back when the operation is on the stream, or part of a tensor.</summary>
    readonly struct Block : IDisposable
    {
        readonly Storage? storage;

        public Block(CachingAllocator allocator, long count)
        {
            storage = allocator.Allocate(Math.Max(count, 1), DType.Float32);
            Pointer = new((ulong)storage.Pointer);
        }

        public Block(DevicePointer pointer) => Pointer = pointer;

        public DevicePointer Pointer { get; }

        public void Dispose() => storage?.Release();
    }
}
