using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class DeviceMemoryKernelsTests(string device) : KernelFixture(device)
{
    static readonly int[] counts = [1, 3, 31, 32, 33, 1023, 1025];

    [Test]
    public void FillStopsAtTheEnd([ValueSource(nameof(counts))] int count)
    {
        // Its halves differ: the driver fills what repeats a word.
        const long value = 0x0122_3344_5566_7700;
        Tensor filled = Output(DType.Int64, count + 2);
        Backend.Fill(filled.Rows(0, count), value);
        Assert.That(filled.ToArray<long>(), Is.EqualTo([.. Enumerable.Repeat(value, count), -1, -1]));
    }

    [TestCase(4, 5, 3, 7, 2, 9, 11)]
    [TestCase(8, 1, 1, 1, 0, 3, 4)]
    [TestCase(1, 0, 0, 33, 5, 40, 6)]
    public void CopyBlocks(int size, int firstX, int strideX, int length, int firstY, int strideY, int count)
    {
        byte[] x = new byte[(firstX + (strideX * (count - 1)) + length) * size],
            expected = new byte[(firstY + (strideY * (count - 1)) + length) * size];
        Random.NextBytes(x);
        Array.Fill(expected, (byte)0xff);
        for (int b = 0; b < count; b++)
            x.AsSpan((firstX + (b * strideX)) * size, length * size).CopyTo(expected.AsSpan((firstY + (b * strideY)) * size));
        DType type = size switch { 1 => DType.UInt8, 4 => DType.Int32, _ => DType.Float64 };
        Tensor y = Output(type, expected.Length / size);
        Backend.CopyBlocks(Input(x, type), new Blocks(firstX, strideX), y, new Blocks(firstY, strideY), length, count);
        Assert.That(BytesOf(y), Is.EqualTo(expected));
    }

    [TestCase(0, 1, 1, 1), TestCase(3, 5, 40, 6), TestCase(0, 33, 64, 9), TestCase(7, 33, 40, 1)]
    public void PlaceBlocksHasZerosBesideTheBlocks(int first, int length, int stride, int count)
    {
        float[] x = Normal(length * count), expected = new float[stride * count];
        for (int b = 0; b < count; b++)
            x.AsSpan(b * length, length).CopyTo(expected.AsSpan((b * stride) + first));
        Tensor y = Output(expected.Length);
        Backend.PlaceBlocks(Input(x), y, new Blocks(first, stride), length, count);
        Assert.That(y.ToArray<float>(), Is.EqualTo(expected));
    }

    [Test]
    public void CastEqualsCpu([Values] DType from, [Values] DType to)
    {
        const int count = 77;
        float[] values = Uniform(count, 0, 250);
        Tensor x = Tensor.Empty([count], from), y = Tensor.Empty([count], to);
        x.Backend.Cast(OnCpu(values), x);
        x.Backend.Cast(x, y);
        Tensor result = Output(to, count);
        Backend.Cast(Input(BytesOf(x), from), result);
        Assert.That(BytesOf(result), Is.EqualTo(BytesOf(y)));
    }

    static byte[] BytesOf(Tensor x)
    {
        byte[] bytes = new byte[x.Count * x.DType.Size()];
        x.Backend.Download(x, bytes);
        return bytes;
    }

    /// <summary>Nothing but the tests converts to bfloat16 yet.</summary>
    [Test]
    public void BFloat16RoundsToNearestEven([ValueSource(nameof(counts))] int count)
    {
        uint[] bits = [.. Enumerable.Range(0, count).Select(_ => (uint)Random.NextInt64(1L << 32))];
        float[] x = MemoryMarshal.Cast<uint, float>(bits).ToArray();
        DeviceBuffer<ushort> narrow = Poisoned<ushort>(count);
        DeviceBuffer<float> wide = Poisoned<float>(count);
        int blocks = LaunchGrid.Blocks(count, 4 * 256);
        Library.Get("memory_cast_f32_bf16").Launch(Stream, blocks, 256, 0, narrow, Upload<float>(x), (long)count);
        Library.Get("memory_cast_bf16_f32").Launch(Stream, blocks, 256, 0, wide, narrow, (long)count);
        ushort[] expected = [.. bits.Select(b => float.IsNaN(BitConverter.UInt32BitsToSingle(b))
            ? (ushort)0x7fff
            : (ushort)((b + 0x7fff + (b >> 16 & 1)) >> 16))];
        Assert.That(Download(narrow), Is.EqualTo(expected));
        AssertClose(Download(wide), expected.Select(b => BitConverter.UInt32BitsToSingle((uint)b << 16)).ToArray(), 0);
    }
}
