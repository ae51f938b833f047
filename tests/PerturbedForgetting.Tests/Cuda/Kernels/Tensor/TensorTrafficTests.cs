using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
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
        Backend.Fill(Output(DType.Int64, Count), 7);
        AssertTraffic("memory_fill", loaded: 0, stored: 8 * Count);
    }

    [Test]
    public void BlocksAreCopiedOnce([Values(1, 4, 8)] int size)
    {
        const int length = 96, blocks = 5;
        DType type = size switch { 1 => DType.UInt8, 4 => DType.Float32, _ => DType.Int64 };
        Tensor x = Output(type, 2 * length * blocks), y = Output(type, length * blocks);
        Backend.CopyBlocks(x, new Blocks(length, 2 * length), y, new Blocks(0, length), length, blocks);
        // A warp's 32 elements do not cross the end of a block of 96.
        AssertTraffic($"memory_copy_blocks_{size}", loaded: length * blocks * size, stored: length * blocks * size);
    }

    [TestCase(DType.Float32, DType.Float64, "f32_f64")]
    [TestCase(DType.Float64, DType.Float32, "f64_f32")]
    [TestCase(DType.UInt8, DType.Float32, "u8_f32")]
    [TestCase(DType.Float32, DType.UInt8, "f32_u8")]
    [TestCase(DType.Int64, DType.Int32, "i64_i32")]
    public void CastReadsTheOneAndWritesTheOther(DType from, DType to, string types)
    {
        Backend.Cast(Input(new byte[Count * from.Size()], from), Output(to, Count));
        AssertTraffic($"memory_cast_{types}", loaded: (long)Count * from.Size(), stored: (long)Count * to.Size());
    }

    [Test]
    public void BFloat16IsHalfTheBytes()
    {
        DeviceBuffer<ushort> narrow = Scratch<ushort>(Count);
        Library.Get("memory_cast_f32_bf16").Launch(Stream, Count / 1024, 256, 0, narrow, Upload<float>(Normal(Count)), (long)Count);
        Library.Get("memory_cast_bf16_f32").Launch(Stream, Count / 1024, 256, 0, Scratch<float>(Count), narrow, (long)Count);
        AssertTraffic("memory_cast_f32_bf16", loaded: 4 * Count, stored: 2 * Count);
        AssertTraffic("memory_cast_bf16_f32", loaded: 2 * Count, stored: 4 * Count);
    }

    [Test]
    public void MultiplesReadAndWriteOnce()
    {
        Tensor x = Input(Normal(Count)), y = Output(Count);
        Backend.Map(Unary.Scale, x, y, 0.5);
        Backend.ScaleBy(x, Input([2f]), y);
        AssertTraffic("elementwise_scale", loaded: 4 * Count, stored: 4 * Count);
        // Every warp reads the factor; the grid has a warp for every 128 elements.
        AssertTraffic("elementwise_scale_by", loaded: (4 * Count) + (4 * Count / 128), stored: 4 * Count);
    }

    [Test]
    public void ReductionsReadOnce()
    {
        const int outer = 8, n = 48, inner = 64;
        Tensor x = Input(Normal(Count), outer, n, inner), y = Output(outer, inner);
        Backend.Sum(x, Output(1));
        Backend.Mean(x, 1, y);
        Backend.MeanBackward(y, 1, x);
        // A part for every 4096 elements.
        AssertTraffic("reduce_sum", loaded: 4 * Count, stored: 8 * Count / 4096);
        AssertTraffic("reduce_mean", loaded: 4 * Count, stored: 4 * outer * inner);
        AssertTraffic("reduce_mean_backward", loaded: 4 * Count, stored: 4 * Count);
        AssertNoConflicts("reduce_sum");
        Backend.Mean(x, 2, Output(outer, n));
        AssertTraffic("reduce_mean_last", loaded: 4 * Count, stored: 4 * Count / inner);
    }

    [Test]
    public void APermutationThatKeepsTheLastDimensionIsCoalesced()
    {
        Backend.Permute(Input(Normal(2 * 17 * 3 * 32), 2, 17, 3, 32), [0, 2, 1, 3], Output(2, 3, 17, 32));
        AssertTraffic("permute", loaded: 4 * 2 * 17 * 3 * 32, stored: 4 * 2 * 17 * 3 * 32);
    }

    [Test]
    public void WindowsAreReadInWholeSectors()
    {
        const int side = 6, kernel = 3, channels = 32, images = 2, pixels = (side - kernel + 1) * (side - kernel + 1);
        var shape = new ConvolutionShape(images, side, side, 2 * channels, 2, kernel, kernel, 1, 1, 0, 0, 1, 1, Groups: 2);
        const int count = images * pixels * kernel * kernel * channels;
        var kernels = new Im2Col(Library);
        DeviceBuffer<float> rows = Scratch<float>(count), x = Upload<float>(Normal(images * side * side * 2 * channels));
        kernels.Forward(Stream, rows, x, shape, 1, images);
        kernels.Backward(Stream, x, rows, shape, 1, images);
        AssertTraffic("im2col", loaded: 4 * count, stored: 4 * count);
        AssertTraffic("im2col_backward", loaded: 4 * count, stored: 4 * images * side * side * channels);
    }

    /// <summary>Every tile reads its lines of both operands once; nothing meets in a bank, whichever way the memory runs.</summary>
    [Test]
    public void MatrixProducts([Values] bool tensorCores, [Values] bool transposeA, [Values] bool transposeB)
    {
        const int m = 160, n = 256, k = 48;
        DeviceBuffer<float> a = Upload<float>(Normal(m * k)), b = Upload<float>(Normal(k * n)), c = Scratch<float>(m * n);
        new GemmKernel(Library, tensorCores).Launch(Stream, c, 0, new(a, transposeA, transposeA ? m : k, 0),
            new(b, transposeB, transposeB ? k : n, 0), DevicePointer.Null,
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
}
