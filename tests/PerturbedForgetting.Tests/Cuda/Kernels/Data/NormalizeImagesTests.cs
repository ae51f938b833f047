using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Data;

[TestFixtureSource(typeof(KernelDevices))]
sealed class NormalizeImagesTests(string device) : KernelFixture(device)
{
    static readonly (int Images, int Height, int Width, int Channels)[] shapes =
        [(1, 1, 1, 1), (1, 1, 1, 3), (3, 31, 33, 3), (5, 7, 5, 1), (2, 32, 32, 3), (3, 5, 3, 4), (2, 224, 224, 3), (1, 2, 1025, 3),
            (7, 3, 11, 33)];

    [Test]
    public void EqualsCpu([ValueSource(nameof(shapes))] (int Images, int Height, int Width, int Channels) shape, [Values] bool flip,
        [Values] bool half)
    {
        (int images, int height, int width, int channels) = shape;
        byte[] x = new byte[images * height * width * channels];
        Random.NextBytes(x);
        byte[] flips = Array.ConvertAll(Whole(images, 2), static v => (byte)(5 * v));
        float[] offset = Uniform(channels, 0, 200), divisor = Uniform(channels, 1, 80);
        float[] expected = Expected(x, flip ? flips : null, shape, offset, divisor);
        Tensor bytes = Input(x, images, height, width, channels), offsets = Input(offset), divisors = Input(divisor);
        Tensor? flags = flip ? Input(flips) : null;
        if (half)
        {
            DeviceBuffer<ushort> y = Poisoned<ushort>(x.Length);
            Half(y, bytes, flags, offsets, divisors);
            Assert.That(Download(y), Is.EqualTo(Array.ConvertAll(expected, ToBfloat16)));
        }
        else
        {
            Tensor y = Output(images, height, width, channels);
            Backend.NormalizeImages(bytes, flags, offsets, divisors, y);
            AssertClose(y, expected, relative: 0);
        }
    }

    /// <summary>Nothing but the tests makes bfloat16 of images yet: as many rows a block as the backend gives one.</summary>
    void Half(DeviceBuffer<ushort> y, Tensor x, Tensor? flip, Tensor offset, Tensor divisor)
    {
        int channels = x.Shape[3], row = x.Shape[2] * channels, rows = x.Shape[0] * x.Shape[1], rowsPerBlock = 4 * Math.Max(1, 1024 / row);
        int blocks = (rows + rowsPerBlock - 1) / rowsPerBlock, sharedBytes = (rowsPerBlock * (row + 1)) + (8 * channels);
        DevicePointer flags = flip is null ? DevicePointer.Null : CudaBackend.Pointer(flip);
        Library.Get("normalize_images_bfloat16").Launch(Stream, blocks, 256, sharedBytes, y,
            CudaBackend.Pointer(x), flags, CudaBackend.Pointer(offset), CudaBackend.Pointer(divisor), row, channels, x.Shape[1], (long)rows,
            rowsPerBlock);
    }

    static float[] Expected(byte[] x, byte[]? flips, (int Images, int Height, int Width, int Channels) shape, float[] offset,
        float[] divisor)
    {
        using Tensor bytes = OnCpu(x, shape.Images, shape.Height, shape.Width, shape.Channels), y = Tensor.Persistent(bytes.Shape);
        using Tensor offsets = OnCpu(offset), divisors = OnCpu(divisor);
        using Tensor? flags = flips is null ? null : OnCpu(flips);
        Device.Cpu.Backend.NormalizeImages(bytes, flags, offsets, divisors, y);
        return y.ToArray<float>();
    }

    /// <summary>To the nearest, of two equally near ones to the even one.</summary>
    static ushort ToBfloat16(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        return (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }

    [Test]
    public void EveryByteIsReadOnce([Values] bool flip, [Values] bool half)
    {
        const int Images = 4, Side = 32, Count = Images * Side * Side * 3;
        Tensor x = Input(new byte[Count], Images, Side, Side, 3), some = Input([1f, 2, 3]);
        Tensor? flags = flip ? Input<byte>([1, 0, 1, 0]) : null;
        if (half)
            Half(Poisoned<ushort>(Count), x, flags, some, some);
        else
            Backend.NormalizeImages(x, flags, some, some, Output(Images, Side, Side, 3));
        string kernel = half ? "normalize_images_bfloat16" : "normalize_images";
        // 40 rows a block, 4 blocks; 24 bytes of constants a block; where images are mirrored, a flag for each warp and image it meets.
        const int Blocks = 4, FlagReads = 9;
        AssertTraffic(kernel, loaded: Count + (24 * Blocks) + (flip ? FlagReads : 0), stored: (half ? 2 : 4) * Count);
        if (!flip)
            Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero);
    }

    [Test]
    public void ImagesWiderThanSharedMemoryAreRefused()
    {
        Tensor some = Input([1f, 2, 3]);
        Assert.That(() => Backend.NormalizeImages(Output(DType.UInt8, 1, 1, 100_000, 3), null, some, some, Output(1, 1, 100_000, 3)),
            Throws.TypeOf<DeviceLimitException>().With.Message.Contains("100000 x 3"));
    }
}
