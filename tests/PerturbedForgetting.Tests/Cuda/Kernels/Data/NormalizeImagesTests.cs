using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Data;

[TestFixtureSource(typeof(KernelDevices))]
sealed class NormalizeImagesTests(string device) : KernelFixture(device)
{
    static readonly (int Images, int Height, int Width, int Channels)[] shapes =
        [(1, 1, 1, 1), (1, 1, 1, 3), (3, 31, 33, 3), (5, 7, 5, 1), (2, 32, 32, 3), (3, 5, 3, 4), (2, 224, 224, 3), (1, 2, 1025, 3), (7, 3, 11, 33)];

    [Test]
    public void EqualsCpu([ValueSource(nameof(shapes))] (int Images, int Height, int Width, int Channels) shape, [Values] bool flip, [Values] bool half)
    {
        (int images, int height, int width, int channels) = shape;
        byte[] x = new byte[images * height * width * channels];
        Random.NextBytes(x);
        byte[] flips = Array.ConvertAll(Whole(images, 2), static v => (byte)(5 * v));
        float[] offset = Uniform(channels, 0, 200), divisor = Uniform(channels, 1, 80);
        float[] expected = Expected(x, flip ? flips : null, shape, offset, divisor);
        DeviceBuffer<byte> bytes = Upload<byte>(x), flags = Upload<byte>(flips);
        DeviceBuffer<float> offsets = Upload<float>(offset), divisors = Upload<float>(divisor), y = Poisoned<float>(x.Length);
        DeviceBuffer<ushort> short_ = Poisoned<ushort>(x.Length);
        new NormalizeImages(Library).Launch(Stream, half ? short_.Pointer : y.Pointer, bytes, flip ? flags.Pointer : default, offsets, divisors,
            images, height, width, channels, half);
        if (half)
            Assert.That(Download(short_), Is.EqualTo(Array.ConvertAll(expected, ToBfloat16)));
        else
            AssertClose(Download(y), expected, relative: 0);
    }

    static float[] Expected(byte[] x, byte[]? flips, (int Images, int Height, int Width, int Channels) shape, float[] offset, float[] divisor)
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
        DeviceBuffer<byte> x = Upload<byte>(new byte[Count]), flags = Upload<byte>(1, 0, 1, 0), y = Poisoned<byte>(4 * Count);
        DeviceBuffer<float> offset = Upload<float>(1, 2, 3), divisor = Upload<float>(1, 2, 3);
        new NormalizeImages(Library).Launch(Stream, y, x, flip ? flags.Pointer : default, offset, divisor, Images, Side, Side, 3, half);
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
        DeviceBuffer<byte> some = Upload<byte>(1);
        Assert.That(() => new NormalizeImages(Library).Launch(Stream, some, some, default, some, some, 1, 1, 100_000, 3, false),
            Throws.ArgumentException.With.Message.Contains("100000 x 3"));
    }
}
