using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>What the tensor kernels move, exactly: no byte more than needed, whole sectors, no bank conflicts.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class TensorTrafficTests(string device) : KernelFixture(device)
{
    const int Count = 64 * 384;

    [Test]
    public void FillWritesOnce()
    {
        new DeviceMemoryKernels(Library).Fill(Stream, Scratch<byte>(8 * Count), 7, Count);
        AssertTraffic("memory_fill", loaded: 0, stored: 8 * Count);
    }

    [Test]
    public void BlocksAreCopiedOnce([Values(1, 4, 8)] int size)
    {
        const int length = 96, blocks = 5;
        DeviceBuffer<byte> x = Upload<byte>(new byte[2 * length * blocks * size]);
        new DeviceMemoryKernels(Library).CopyBlocks(Stream, Scratch<byte>(length * blocks * size), new Blocks(0, length), x, new Blocks(length, 2 * length), size, length, blocks);
        // A warp's 32 elements do not cross the end of a block of 96.
        AssertTraffic($"memory_copy_blocks_{size}", loaded: length * blocks * size, stored: length * blocks * size);
    }

    [TestCase(DType.Float32, DType.Float64)]
    [TestCase(DType.Float64, DType.Float32)]
    [TestCase(DType.UInt8, DType.Float32)]
    [TestCase(DType.Float32, DType.UInt8)]
    [TestCase(DType.Int64, DType.Int32)]
    public void CastReadsTheOneAndWritesTheOther(DType from, DType to)
    {
        new DeviceMemoryKernels(Library).Cast(Stream, Scratch<byte>(Count * to.Size()), to, Upload<byte>(new byte[Count * from.Size()]), from, Count);
        string name = Library.KernelsOf("memory").Single(k => k == $"memory_cast_{Short(from)}_{Short(to)}");
        AssertTraffic(name, loaded: (long)Count * from.Size(), stored: (long)Count * to.Size());
    }

    [Test]
    public void BFloat16IsHalfTheBytes()
    {
        var kernels = new DeviceMemoryKernels(Library);
        DeviceBuffer<ushort> narrow = Scratch<ushort>(Count);
        kernels.ToBFloat16(Stream, narrow, Upload<float>(Normal(Count)), Count);
        kernels.FromBFloat16(Stream, Scratch<float>(Count), narrow, Count);
        AssertTraffic("memory_cast_f32_bf16", loaded: 4 * Count, stored: 2 * Count);
        AssertTraffic("memory_cast_bf16_f32", loaded: 2 * Count, stored: 4 * Count);
    }

    [Test]
    public void MultiplesReadAndWriteOnce()
    {
        DeviceBuffer<float> x = Upload<float>(Normal(Count)), y = Scratch<float>(Count);
        Library.Map(Stream, "elementwise_scale", 1, Count, y, x, 0.5f, (long)Count);
        Library.Map(Stream, "elementwise_scale_by", 1, Count, y, x, Upload(2f), (long)Count);
        AssertTraffic("elementwise_scale", loaded: 4 * Count, stored: 4 * Count);
        // Every warp reads the factor; the grid has a warp for every 128 elements.
        AssertTraffic("elementwise_scale_by", loaded: (4 * Count) + (4 * Count / 128), stored: 4 * Count);
    }

    [Test]
    public void ReductionsReadOnce()
    {
        const int outer = 8, n = 48, inner = 64;
        var kernels = new Reduce(Library);
        DeviceBuffer<float> x = Upload<float>(Normal(Count)), y = Scratch<float>(outer * inner);
        kernels.Sum(Stream, y, x, Scratch<double>(Reduce.Parts(Count)), Count);
        kernels.Mean(Stream, y, x, outer, n, inner);
        kernels.MeanBackward(Stream, x, y, outer, n, inner);
        AssertTraffic("reduce_sum", loaded: 4 * Count, stored: 8L * Reduce.Parts(Count));
        AssertTraffic("reduce_mean", loaded: 4 * Count, stored: 4 * outer * inner);
        AssertTraffic("reduce_mean_backward", loaded: 4 * Count, stored: 4 * Count);
        AssertNoConflicts("reduce_sum");
        kernels.Mean(Stream, y, x, Count / inner, inner, 1);
        AssertTraffic("reduce_mean_last", loaded: 4 * Count, stored: 4 * Count / inner);
    }

    [Test]
    public void APermutationThatKeepsTheLastDimensionIsCoalesced()
    {
        new Permute(Library).Launch(Stream, Scratch<float>(2 * 17 * 3 * 32), Upload<float>(Normal(2 * 17 * 3 * 32)), [2, 17, 3, 32], [0, 2, 1, 3]);
        AssertTraffic("permute", loaded: 4 * 2 * 17 * 3 * 32, stored: 4 * 2 * 17 * 3 * 32);
    }

    [Test]
    public void WindowsAreReadInWholeSectors()
    {
        const int side = 6, kernel = 3, channels = 32, images = 2, pixels = (side - kernel + 1) * (side - kernel + 1);
        var windows = new Im2Col.Windows
        {
            Height = side,
            Width = side,
            AllChannels = 2 * channels,
            First = channels,
            Channels = channels,
            OutHeight = side - kernel + 1,
            OutWidth = side - kernel + 1,
            KernelH = kernel,
            KernelW = kernel,
            StrideH = 1,
            StrideW = 1,
            DilationH = 1,
            DilationW = 1,
        };
        const int count = images * pixels * kernel * kernel * channels;
        var kernels = new Im2Col(Library);
        DeviceBuffer<float> rows = Scratch<float>(count), x = Upload<float>(Normal(images * side * side * 2 * channels));
        kernels.Forward(Stream, rows, x, windows, images);
        kernels.Backward(Stream, x, rows, windows, images);
        AssertTraffic("im2col", loaded: 4 * count, stored: 4 * count);
        AssertTraffic("im2col_backward", loaded: 4 * count, stored: 4 * images * side * side * channels);
    }

    /// <summary>Every tile reads its lines of both operands once; nothing meets in a bank, whichever way the memory runs.</summary>
    [Test]
    public void MatrixProducts([Values] bool tensorCores, [Values] bool transposeA, [Values] bool transposeB)
    {
        const int m = 160, n = 256, k = 48;
        DeviceBuffer<float> a = Upload<float>(Normal(m * k)), b = Upload<float>(Normal(k * n)), c = Scratch<float>(m * n);
        new GemmKernel(Library, tensorCores).Launch(Stream, c, 0, new(a, transposeA, transposeA ? m : k, 0), new(b, transposeB, transposeB ? k : n, 0), DevicePointer.Null,
            m, n, k, 1, accumulate: false);
        string name = (tensorCores ? "gemm_tf32_" : "gemm_") + (transposeA ? "t" : "n") + (transposeB ? "t" : "n");
        AssertTraffic(name, loaded: 4 * ((m * k * 2) + (k * n * 2)), stored: 4 * m * n);
        AssertNoConflicts(name);
    }

    void AssertNoConflicts(string kernel)
    {
        if (CountersOf(kernel) is { } counters)
            Assert.That(counters.BankConflicts, Is.Zero, $"bank conflicts of {kernel}");
    }

    static string Short(DType type) => type switch
    {
        DType.Float32 => "f32",
        DType.Float64 => "f64",
        DType.Int32 => "i32",
        DType.Int64 => "i64",
        _ => "u8",
    };
}
