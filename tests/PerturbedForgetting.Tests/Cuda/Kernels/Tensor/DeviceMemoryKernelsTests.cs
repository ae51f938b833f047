using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class DeviceMemoryKernelsTests(string device) : KernelFixture(device)
{
    static readonly int[] counts = [1, 3, 31, 32, 33, 1023, 1025];

    [Test]
    public void FillStopsAtTheEnd([ValueSource(nameof(counts))] int count)
    {
        const ulong bits = 0x1122_3344_5566_7788;
        DeviceBuffer<ulong> filled = Poisoned<ulong>(count + 2);
        new DeviceMemoryKernels(Library).Fill(Stream, filled, bits, count);
        Assert.That(Download(filled), Is.EqualTo([.. Enumerable.Repeat(bits, count), ulong.MaxValue, ulong.MaxValue]));
    }

    [TestCase(4, 5, 3, 7, 2, 9, 11)]
    [TestCase(8, 1, 1, 1, 0, 3, 4)]
    [TestCase(1, 0, 0, 33, 5, 40, 6)]
    public void CopyBlocks(int size, int firstX, int strideX, int length, int firstY, int strideY, int count)
    {
        byte[] x = new byte[(firstX + (strideX * (count - 1)) + length) * size], expected = new byte[(firstY + (strideY * (count - 1)) + length) * size];
        Random.NextBytes(x);
        Array.Fill(expected, (byte)0xff);
        for (int b = 0; b < count; b++)
            x.AsSpan((firstX + (b * strideX)) * size, length * size).CopyTo(expected.AsSpan((firstY + (b * strideY)) * size));
        DeviceBuffer<byte> y = Poisoned<byte>(expected.Length);
        new DeviceMemoryKernels(Library).CopyBlocks(Stream, y, new Blocks(firstY, strideY), Upload<byte>(x), new Blocks(firstX, strideX), size, length, count);
        Assert.That(Download(y), Is.EqualTo(expected));
    }

    [TestCase(0, 1, 1, 1), TestCase(3, 5, 40, 6), TestCase(0, 33, 64, 9), TestCase(7, 33, 40, 1)]
    public void PlaceBlocksHasZerosBesideTheBlocks(int first, int length, int stride, int count)
    {
        float[] x = Normal(length * count), expected = new float[stride * count];
        for (int b = 0; b < count; b++)
            x.AsSpan(b * length, length).CopyTo(expected.AsSpan((b * stride) + first));
        DeviceBuffer<float> y = Poisoned<float>(expected.Length);
        new DeviceMemoryKernels(Library).PlaceBlocks(Stream, y, new Blocks(first, stride), Upload<float>(x), length, count);
        Assert.That(Download(y), Is.EqualTo(expected));
    }

    [Test]
    public void CastEqualsCpu([Values] DType from, [Values] DType to)
    {
        const int count = 77;
        float[] values = Uniform(count, 0, 250);
        Tensor x = Tensor.Empty([count], from), y = Tensor.Empty([count], to);
        x.Backend.Cast(OnCpu(values), x);
        x.Backend.Cast(x, y);
        byte[] source = new byte[x.Count * x.DType.Size()], expected = new byte[y.Count * y.DType.Size()];
        x.Backend.Download(x, source);
        x.Backend.Download(y, expected);
        DeviceBuffer<byte> result = Poisoned<byte>(expected.Length);
        new DeviceMemoryKernels(Library).Cast(Stream, result, to, Upload<byte>(source), from, count);
        Assert.That(Download(result), Is.EqualTo(expected));
    }

    [Test]
    public void BFloat16RoundsToNearestEven([ValueSource(nameof(counts))] int count)
    {
        uint[] bits = [.. Enumerable.Range(0, count).Select(_ => (uint)Random.NextInt64(1L << 32))];
        float[] x = MemoryMarshal.Cast<uint, float>(bits).ToArray();
        DeviceBuffer<ushort> narrow = Poisoned<ushort>(count);
        DeviceBuffer<float> wide = Poisoned<float>(count);
        var kernels = new DeviceMemoryKernels(Library);
        kernels.ToBFloat16(Stream, narrow, Upload<float>(x), count);
        kernels.FromBFloat16(Stream, wide, narrow, count);
        ushort[] expected = [.. bits.Select(b => float.IsNaN(BitConverter.UInt32BitsToSingle(b)) ? (ushort)0x7fff : (ushort)((b + 0x7fff + (b >> 16 & 1)) >> 16))];
        Assert.That(Download(narrow), Is.EqualTo(expected));
        AssertClose(Download(wide), expected.Select(b => BitConverter.UInt32BitsToSingle((uint)b << 16)).ToArray(), 0);
    }
}
