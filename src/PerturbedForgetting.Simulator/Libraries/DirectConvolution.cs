using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Dnn;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>How a result is written: out = Alpha · result + Beta · out.</summary>
readonly record struct Scaling(float Alpha, float Beta);

/// <summary>A convolution and its gradients on the host, summed in float32: patches of the input are laid out as rows and multiplied with
/// the filters. NHWC, filters O,kh,kw,I. The bits do not depend on the number of workers.</summary>
/// <param name="shape">The convolution.</param>
/// <param name="tf32">Whether factors are rounded to TF32.</param>
/// <param name="workers">Threads of the host.</param>
sealed unsafe class DirectConvolution(ConvolutionShape shape, bool tf32, int workers)
{
    readonly int patch = shape.KernelHeight * shape.KernelWidth * shape.GroupChannels;
    readonly int patchStride = FloatTiles.Stride(shape.KernelHeight * shape.KernelWidth * shape.GroupChannels);
    readonly int filterStride = FloatTiles.Stride(shape.GroupFilters);
    readonly int pixels = shape.OutputHeight * shape.OutputWidth;

    // Terms of a part of a sum.
    readonly int part = FloatTiles.Part(shape.Filters + (long)shape.KernelHeight + shape.Channels);

    /// <summary>Pixels whose patches are laid out at once: a quarter of a megabyte, within reason.</summary>
    int Rows => Math.Clamp(65536 / patchStride, 32, 128);

    /// <summary>y = x ∗ w.</summary>
    public void Forward(float* x, float* w, float* y, Scaling scaling)
    {
        long all = (long)shape.N * pixels;
        int rows = Rows, chunks = (int)((all + rows - 1) / rows);
        for (int g = 0; g < shape.Groups; g++)
        {
            int group = g;
            using Scratch filters = new((long)patch * filterStride);
            Transpose(w + ((long)g * shape.GroupFilters * patch), filters.Data);
            float* transposed = filters.Data;
            LibraryKernel.Spread(workers, chunks, chunk =>
            {
                long first = (long)chunk * rows;
                int count = (int)Math.Min(rows, all - first);
                using Scratch patches = new((long)count * patchStride), sums = new((long)count * filterStride);
                for (int r = 0; r < count; r++)
                    Gather(x, first + r, group, patches.Data + ((long)r * patchStride));
                FloatTiles.MultiplyAdd(count, shape.GroupFilters, patch, patches.Data, patchStride, 1, transposed, filterStride, sums.Data,
                    filterStride, part);
                for (int r = 0; r < count; r++)
                    Write(sums.Data + ((long)r * filterStride), y + ((first + r) * shape.Filters) + (group * shape.GroupFilters),
                        shape.GroupFilters, scaling);
            });
        }
    }

    /// <summary>dx = the gradient of x.</summary>
    public void BackwardData(float* w, float* dy, float* dx, Scaling scaling)
    {
        long image = (long)shape.Height * shape.Width * shape.Channels;
        using Scratch filters = new((long)shape.Filters * patchStride);
        for (int f = 0; f < shape.Filters; f++)
            FloatTiles.Copy(w + ((long)f * patch), filters.Data + ((long)f * patchStride), patch, tf32);
        float* widened = filters.Data;
        LibraryKernel.Spread(workers, shape.N, n =>
        {
            using Scratch gradient = new(image);
            for (int g = 0; g < shape.Groups; g++)
                AddImage(n, g, widened + ((long)g * shape.GroupFilters * patchStride), dy, gradient.Data);
            for (long done = 0; done < image; done += int.MaxValue)
                Write(gradient.Data + done, dx + (n * image) + done, (int)Math.Min(image - done, int.MaxValue), scaling);
        });
    }

    /// <summary>dw = the gradient of the filters.</summary>
    public void BackwardFilter(float* x, float* dy, float* dw, Scaling scaling)
    {
        // The patches are laid out anew for each part, so no more parts than there are workers for.
        int parts = Math.Clamp(workers / shape.Groups, 1, (shape.GroupFilters + 7) / 8), share = (shape.GroupFilters + parts - 1) / parts;
        LibraryKernel.Spread(workers, shape.Groups * parts, task =>
        {
            int group = task / parts, begin = task % parts * share, filters = Math.Min(share, shape.GroupFilters - begin);
            if (filters > 0)
                FilterGradient(x, dy, dw, group, (group * shape.GroupFilters) + begin, filters, scaling);
        });
    }

    // Adds the gradient of one image that comes from one group of filters.
    void AddImage(int n, int group, float* filters, float* dy, float* gradient)
    {
        int rows = Rows;
        using Scratch outputs = new((long)rows * filterStride), patches = new((long)rows * patchStride);
        for (int first = 0; first < pixels; first += rows)
        {
            int count = Math.Min(rows, pixels - first);
            for (int r = 0; r < count; r++)
            {
                float* from = dy + ((((long)n * pixels) + first + r) * shape.Filters) + (group * shape.GroupFilters);
                FloatTiles.Copy(from, outputs.Data + ((long)r * filterStride), shape.GroupFilters, tf32);
            }
            patches.Clear();
            FloatTiles.MultiplyAdd(count, patch, shape.GroupFilters, outputs.Data, filterStride, 1, filters, patchStride, patches.Data,
                patchStride, part);
            for (int r = 0; r < count; r++)
                Scatter(patches.Data + ((long)r * patchStride), first + r, group, gradient);
        }
    }

    // The gradient of some filters of a group.
    void FilterGradient(float* x, float* dy, float* dw, int group, int firstFilter, int filters, Scaling scaling)
    {
        long all = (long)shape.N * pixels;
        int rows = Rows, outputStride = FloatTiles.Stride(filters);
        using Scratch sums = new((long)filters * patchStride), patches = new((long)rows * patchStride),
            outputs = new((long)rows * outputStride);
        for (long first = 0; first < all; first += rows)
        {
            int count = (int)Math.Min(rows, all - first);
            for (int r = 0; r < count; r++)
            {
                Gather(x, first + r, group, patches.Data + ((long)r * patchStride));
                FloatTiles.Copy(dy + ((first + r) * shape.Filters) + firstFilter, outputs.Data + ((long)r * outputStride), filters, tf32);
            }
            FloatTiles.MultiplyAdd(filters, patch, count, outputs.Data, 1, outputStride, patches.Data, patchStride, sums.Data,
                patchStride, part);
        }
        for (int f = 0; f < filters; f++)
            Write(sums.Data + ((long)f * patchStride), dw + ((long)(firstFilter + f) * patch), patch, scaling);
    }

    // Filters of a group as columns.
    void Transpose(float* w, float* transposed)
    {
        using Scratch row = new(patch);
        for (int f = 0; f < shape.GroupFilters; f++)
        {
            FloatTiles.Copy(w + ((long)f * patch), row.Data, patch, tf32);
            for (int k = 0; k < patch; k++)
                transposed[((long)k * filterStride) + f] = row.Data[k];
        }
    }

    // The patch of the input that an output pixel sees, zeros where it hangs over the edge.
    void Gather(float* x, long pixel, int group, float* patchRow)
    {
        int channels = shape.GroupChannels, at = (int)(pixel % pixels);
        float* image = x + (pixel / pixels * shape.Height * shape.Width * shape.Channels) + (group * channels);
        for (int kh = 0; kh < shape.KernelHeight; kh++)
        {
            int row = Row(at, kh);
            for (int kw = 0; kw < shape.KernelWidth; kw++)
            {
                int column = Column(at, kw);
                if ((uint)row < (uint)shape.Height && (uint)column < (uint)shape.Width)
                    FloatTiles.Copy(image + ((((long)row * shape.Width) + column) * shape.Channels), patchRow, channels, tf32);
                else
                    new Span<float>(patchRow, channels).Clear();
                patchRow += channels;
            }
        }
    }

    // Adds the gradient of a patch to that of the image.
    void Scatter(float* patchRow, int pixel, int group, float* gradient)
    {
        int channels = shape.GroupChannels;
        for (int kh = 0; kh < shape.KernelHeight; kh++)
        {
            int row = Row(pixel, kh);
            for (int kw = 0; kw < shape.KernelWidth; kw++, patchRow += channels)
            {
                int column = Column(pixel, kw);
                if ((uint)row >= (uint)shape.Height || (uint)column >= (uint)shape.Width)
                    continue;
                float* sum = gradient + ((((long)row * shape.Width) + column) * shape.Channels) + (group * channels);
                FloatTiles.Add(patchRow, sum, channels);
            }
        }
    }

    int Row(int pixel, int kh) => (pixel / shape.OutputWidth * shape.StrideHeight) - shape.PaddingHeight + (kh * shape.DilationHeight);

    int Column(int pixel, int kw) => (pixel % shape.OutputWidth * shape.StrideWidth) - shape.PaddingWidth + (kw * shape.DilationWidth);

    // What is there is read only if it counts.
    static void Write(float* sums, float* output, int count, Scaling scaling)
    {
        for (int i = 0; i < count; i++)
            output[i] = scaling.Beta == 0
                ? scaling.Alpha * sums[i]
                : MathF.FusedMultiplyAdd(scaling.Beta, output[i], scaling.Alpha * sums[i]);
    }

    /// <summary>Zeros in the host's memory, given back at the end of a block.</summary>
    readonly struct Scratch : IDisposable
    {
        readonly nuint bytes;

        public Scratch(long count)
        {
            bytes = (nuint)(count * sizeof(float));
            Data = (float*)NativeMemory.AlignedAlloc(bytes, 64);
            Clear();
        }

        public float* Data { get; }

        public void Clear() => NativeMemory.Clear(Data, bytes);

        public void Dispose() => NativeMemory.AlignedFree(Data);
    }
}
