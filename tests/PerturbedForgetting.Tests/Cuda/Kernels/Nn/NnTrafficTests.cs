using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>What the kernels of the nn family move at aligned sizes, to the byte: each tensor once, whole sectors, no bank conflicts. What
/// is read again from cache (a bias, numbers of a channel, a window's neighbours) is counted as a warp asks for it, and stated.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class NnTrafficTests(string device) : KernelFixture(device)
{
    const int Rows = 256, Columns = 128, Count = Rows * Columns, Floats = 4 * Count;

    /// <summary>Threads of a block of the first stage of column sums that load the numbers of one channel.</summary>
    const int WarpsOfABlock = 8;

    DeviceBuffer<float> Some(int count) => Upload<float>(Normal(count));

    [Test]
    public void BiasAndItsGradient()
    {
        var broadcast = new Broadcast(Library);
        int parts = new ColumnParts(Rows, Columns).Count;
        DeviceBuffer<float> x = Some(Count), b = Some(Columns), y = Poisoned<float>(Count), partial = Scratch<float>(parts * Columns), sum = Poisoned<float>(Columns);
        broadcast.Add(Stream, y, x, b, Columns, Count);
        broadcast.Sum(Stream, sum, x, partial, Rows, Columns, accumulate: false);
        // x, and the bias from cache.
        Check("add_broadcast", 2 * Floats, Floats);
        // The parts are written and read once more.
        Check("sum_leading", Floats + (4 * parts * Columns), (4 * parts * Columns) + (4 * Columns));
    }

    [Test]
    public void DropoutPatchesAndTokens()
    {
        DeviceBuffer<float> x = Some(Count), y = Poisoned<float>(Count + Columns), positions = Some(5 * Columns), first = Some(Columns);
        new Dropout(Library).Launch(Stream, y, x, 0.1, 1, 2, default, Count);
        var embedding = new Embedding(Library);
        embedding.Patches(Stream, y, x, patch: 8, width: 32, channels: 16, Count);
        embedding.PatchesBackward(Stream, y, x, patch: 8, width: 32, channels: 16, Count);
        const int images = 8, count = images * 5 * Columns;
        DeviceBuffer<float> tokens = Poisoned<float>(count);
        embedding.Tokens(Stream, tokens, x, first, positions, 5 * Columns, Columns, images);
        Check("dropout", Floats, Floats);
        Check("patches", Floats, Floats);
        Check("patches_backward", Floats, Floats);
        // Class token or x, and the position from cache.
        Check("tokens", 8 * count, 4 * count);
    }

    [TestCase(128, "_few")]
    [TestCase(1024, "")]
    public void SoftmaxReadsARowOnce(int columns, string form)
    {
        const int rows = 6;
        int bytes = 4 * rows * columns;
        DeviceBuffer<float> x = Some(rows * columns), y = Poisoned<float>(rows * columns), dx = Poisoned<float>(rows * columns);
        var softmax = new Softmax(Library);
        foreach (bool isLog in (bool[])[false, true])
        {
            string name = isLog ? "softmax_log" : "softmax";
            softmax.Forward(Stream, y, x, rows, columns, isLog);
            softmax.Backward(Stream, dx, x, y, rows, columns, isLog);
            Check(name + form, bytes, bytes);
            Check(name + "_backward" + form, 2 * bytes, bytes);
        }
    }

    [TestCase(192, "_few", 1)]
    [TestCase(512, "", 4)]
    public void LayerNormReadsARowOnce(int columns, string form, int warps)
    {
        const int rows = 50;
        int count = rows * columns, parts = LayerNorm.Parts(rows);
        DeviceBuffer<float> x = Some(count), w = Some(columns), y = Poisoned<float>(count), statistics = Poisoned<float>(3 * rows), dw = Poisoned<float>(columns), dx = Some(count);
        var kernels = new LayerNorm(Library);
        kernels.Forward(Stream, y, statistics, default, x, default, w, w, 1e-6, rows, columns);
        kernels.Backward(Stream, new(dx, false, dw, false, default, false), Scratch<float>(2 * parts * columns), y, x, w, statistics, rows, columns);
        // Weight and bias from cache; three numbers a row. Seven parts are a group each: all are copied by it and added by the last.
        Assert.That(parts, Is.EqualTo(7));
        int sums = 8 * parts * columns, backward = ((8 + 4) * count) + (12 * rows * warps) + (2 * sums), made = (4 * count) + (2 * sums) + (4 * columns);
        Check("layer_norm" + form, (4 + 8) * count, (4 * count) + (12 * rows));
        Check("layer_norm_backward" + form, backward, made);
        // With a residual, and added to another gradient.
        kernels.Forward(Stream, y, statistics, Poisoned<float>(count), x, x, w, w, 1e-6, rows, columns);
        kernels.Backward(Stream, new(dx, true, dw, false, default, false), Scratch<float>(2 * parts * columns), y, x, w, statistics, rows, columns);
        Check("layer_norm" + form, ((4 + 8) + (8 + 8)) * count, ((4 + 8) * count) + (24 * rows));
        Check("layer_norm_backward" + form, (2 * backward) + (4 * count), 2 * made);
    }

    [Test]
    public void BatchNormReadsXOnceAPass([Values] bool relu, [Values] bool residual)
    {
        int parts = new ColumnParts(Rows, Columns).Count;
        DeviceBuffer<float> x = Some(Count), w = Some(Columns), mean = Some(Columns), variance = Some(Columns), saved = Poisoned<float>(5 * Columns), y = Poisoned<float>(Count),
            other = Some(Count), dx = Poisoned<float>(Count), kept = Poisoned<float>(Count), dw = Poisoned<float>(Columns), scratch = Scratch<float>(BatchNorm.Scratch(Rows, Columns));
        var kernels = new BatchNorm(Library);
        kernels.Statistics(Stream, saved, mean, variance, default, scratch, x, w, w, 1e-5, 0.1, Rows, Columns);
        kernels.Apply(Stream, y, x, saved, residual ? other : DevicePointer.Null, relu, Rows, Columns);
        kernels.Backward(Stream, new(dx, residual ? kept : DevicePointer.Null, dw, false, DevicePointer.Null, false), scratch, other, x, residual ? y : DevicePointer.Null, saved,
            relu, batch: true, Rows, Columns);
        // A warp asks once for each number of its channels: three values of the part; center, scale and shift.
        int ofChannels = 4 * WarpsOfABlock * parts * Columns, extra = residual ? Floats : 0, masked = residual && relu ? Floats : 0;
        // The parts are written and read once more, the moments' sums twice and their squares once.
        Check("batch_norm_statistics", Floats + (3 * ofChannels) + (20 * parts * Columns) + (4 * 4 * Columns), (12 * parts * Columns) + (7 * 4 * Columns));
        Check("batch_norm_apply", (4 * Floats) + extra, Floats);
        Check("batch_norm_gradients", (2 * Floats) + masked + (3 * ofChannels) + (8 * parts * Columns) + (3 * 4 * Columns), (8 * parts * Columns) + (3 * 4 * Columns) + extra);
        // With the residual, its gradient is the masked one. From cache: center, scale, shift where the mask is made, slope, level.
        Check("batch_norm_input", (6 * Floats) + (relu && !residual ? Floats : 0), Floats);
    }

    [Test]
    public void PoolsReadWindows()
    {
        const int images = 2, height = 9, width = 8, channels = 128, outHeight = 5, outWidth = 4;
        var windows = new Pooling.Windows
        {
            Height = height,
            Width = width,
            OutHeight = outHeight,
            OutWidth = outWidth,
            Channels = channels,
            KernelH = 3,
            KernelW = 3,
            StrideH = 2,
            StrideW = 2,
            PadH = 1,
            PadW = 1,
        };
        int inputs = 4 * images * height * width * channels, outputs = 4 * images * outHeight * outWidth * channels;
        // Pixels that windows hold, added up: 2 at the border, 3 within.
        int inWindows = 4 * images * channels * (Enumerable.Range(0, outHeight).Sum(o => InWindow(o, height)) * Enumerable.Range(0, outWidth).Sum(o => InWindow(o, width)));
        DeviceBuffer<float> x = Some(inputs / 4), y = Poisoned<float>(outputs / 4), dx = Poisoned<float>(inputs / 4);
        DeviceBuffer<int> index = Poisoned<int>(outputs / 4);
        var kernels = new Pooling(Library);
        kernels.Max(Stream, y, index, x, windows, images);
        kernels.MaxBackward(Stream, dx, y, index, windows, images);
        kernels.Avg(Stream, y, x, windows, countPadding: true, images);
        kernels.AvgBackward(Stream, dx, y, windows, countPadding: true, images);
        kernels.Global(Stream, y, x, height * width, channels, images);
        kernels.GlobalBackward(Stream, dx, y, height * width, channels, images);
        // The first pixel of a window is also what the maximum begins with.
        Check("max_pool", inWindows + outputs, 2 * outputs);
        Check("max_pool_backward", 2 * inWindows, inputs);
        Check("avg_pool", inWindows, outputs);
        Check("avg_pool_backward", inWindows, inputs);
        Check("avg_pool_global", inputs, 4 * images * channels);
        // dy from cache.
        Check("avg_pool_global_backward", inputs, inputs);
    }

    static int InWindow(int output, int extent) => Math.Min((2 * output) + 2, extent) - Math.Max((2 * output) - 1, 0);

    void Check(string kernel, long loaded, long stored)
    {
        AssertTraffic(kernel, loaded, stored);
        AssertSectors(kernel);
    }

    void AssertSectors(string kernel)
    {
        if (CountersOf(kernel) is not { } counters)
            return;
        Assert.That(counters.SectorEfficiency, Is.EqualTo(1), $"sector efficiency of {kernel}");
        Assert.That(counters.BankConflicts, Is.Zero, $"bank conflicts of {kernel}");
    }
}
