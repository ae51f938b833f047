using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends;
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

    Tensor Some(params int[] shape) => Input(Normal((int)new Shape(shape).Count), shape);

    [Test]
    public void BiasAndItsGradient()
    {
        int parts = new ColumnParts(Rows, Columns).Count;
        Tensor x = Some(Rows, Columns);
        Backend.AddBroadcast(x, Some(Columns), Output(Rows, Columns));
        Backend.SumLeading(x, Output(Columns), accumulate: false);
        // x, and the bias from cache.
        Check("add_broadcast", 2 * Floats, Floats);
        // The parts are written and read once more.
        Check("sum_leading", Floats + (4 * parts * Columns), (4 * parts * Columns) + (4 * Columns));
    }

    [Test]
    public void DropoutPatchesAndTokens()
    {
        Tensor image = Some(1, 64, 32, 16);
        Assert.That(image.Count, Is.EqualTo(Count));
        Backend.Dropout(Some(Count), 0.1, new(1, 2), Output(Count));
        Backend.Patches(image, patch: 8, Output(1, 32, 1024));
        Backend.PatchesBackward(Some(1, 32, 1024), patch: 8, image);
        const int images = 8, count = images * 5 * Columns;
        Backend.EmbedTokens(Some(images, 4, Columns), Some(Columns), Some(5, Columns), Output(images, 5, Columns));
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
        Tensor x = Some(rows, columns), y = Output(rows, columns), dx = Output(rows, columns);
        Backend.Softmax(x, y);
        Backend.SoftmaxBackward(x, y, dx);
        Backend.LogSoftmax(x, y);
        Backend.LogSoftmaxBackward(x, y, dx);
        foreach (string name in (string[])["softmax", "softmax_log"])
        {
            Check(name + form, bytes, bytes);
            Check(name + "_backward" + form, 2 * bytes, bytes);
        }
    }

    [TestCase(192, "_few", 1)]
    [TestCase(512, "", 4)]
    public void LayerNormReadsARowOnce(int columns, string form, int warps)
    {
        const int rows = 50;
        // Parts of 8 rows.
        const int parts = 7;
        int count = rows * columns;
        Tensor x = Some(rows, columns), w = Some(columns), y = Output(rows, columns), statistics = Output(rows, 3), dw = Output(columns),
            dx = Some(rows, columns);
        Backend.LayerNorm(x, w, w, 1e-6, y, statistics);
        Backend.LayerNormBackward(y, x, w, statistics, new(dx, false, dw, false, null, false));
        // Weight and bias from cache; three numbers a row. Seven parts are a group each: all are copied by it and added by the last.
        int sums = 8 * parts * columns, backward = ((8 + 4) * count) + (12 * rows * warps) + (2 * sums),
            made = (4 * count) + (2 * sums) + (4 * columns);
        Check("layer_norm" + form, (4 + 8) * count, (4 * count) + (12 * rows));
        Check("layer_norm_backward" + form, backward, made);
        // With a residual, and added to another gradient.
        Backend.AddLayerNorm(x, x, w, w, 1e-6, Output(rows, columns), y, statistics);
        Backend.LayerNormBackward(y, x, w, statistics, new(dx, true, dw, false, null, false));
        Check("layer_norm" + form, ((4 + 8) + (8 + 8)) * count, ((4 + 8) * count) + (24 * rows));
        Check("layer_norm_backward" + form, (2 * backward) + (4 * count), 2 * made);
    }

    [Test]
    public void BatchNormReadsXOnceAPass([Values] bool relu, [Values] bool residual)
    {
        int parts = new ColumnParts(Rows, Columns).Count;
        Tensor x = Some(Rows, Columns), w = Some(Columns), saved = Output(5, Columns), y = Output(Rows, Columns),
            other = Some(Rows, Columns);
        Backend.BatchNormStatistics(x, w, w, 1e-5, saved, Some(Columns), Some(Columns), 0.1, null);
        Backend.BatchNormApply(x, saved, residual ? other : null, relu, y);
        Backend.BatchNormBackward(other, x, relu, residual ? y : null, saved, batch: true,
            new(Output(Rows, Columns), residual ? Output(Rows, Columns) : null, Output(Columns), false, null, false));
        // A warp asks once for each number of its channels: three values of the part; center, scale and shift.
        int ofChannels = 4 * WarpsOfABlock * parts * Columns, extra = residual ? Floats : 0, masked = residual && relu ? Floats : 0;
        // The parts are written and read once more. What all distances are taken from is asked for by each of the four threads that add up
        // a channel's parts, and once for the mean; weight, bias and running statistics by one.
        Check("batch_norm_statistics", Floats + (3 * ofChannels) + (12 * parts * Columns) + (4 * (Math.Min(parts, 4) + 1 + 4) * Columns),
            (12 * parts * Columns) + (7 * 4 * Columns));
        Check("batch_norm_apply", (4 * Floats) + extra, Floats);
        Check("batch_norm_gradients", (2 * Floats) + masked + (3 * ofChannels) + (8 * parts * Columns) + (3 * 4 * Columns),
            (8 * parts * Columns) + (3 * 4 * Columns) + extra);
        // With the residual, its gradient is the masked one. From cache: center, scale, shift where the mask is made, slope, level.
        Check("batch_norm_input", (6 * Floats) + (relu && !residual ? Floats : 0), Floats);
    }

    [Test]
    public void PoolsReadWindows()
    {
        const int images = 2, height = 9, width = 8, channels = 128, outHeight = 5, outWidth = 4;
        var geometry = new Pool2dGeometry(3, 2, 1);
        int inputs = 4 * images * height * width * channels, outputs = 4 * images * outHeight * outWidth * channels;
        // Pixels that windows hold, added up: 2 at the border, 3 within.
        int inWindows = 4 * images * channels
            * (Enumerable.Range(0, outHeight).Sum(o => InWindow(o, height)) * Enumerable.Range(0, outWidth).Sum(o => InWindow(o, width)));
        Tensor x = Some(images, height, width, channels), y = Output(images, outHeight, outWidth, channels),
            dx = Output(images, height, width, channels),
            index = Output(DType.Int32, images, outHeight, outWidth, channels), mean = Output(images, channels);
        Backend.MaxPool2d(x, geometry, y, index);
        Backend.MaxPool2dBackward(y, index, geometry, dx);
        Backend.AvgPool2d(x, geometry, countPadding: true, y);
        Backend.AvgPool2dBackward(y, geometry, countPadding: true, dx);
        Backend.GlobalAvgPool2d(x, mean);
        Backend.GlobalAvgPool2dBackward(mean, dx);
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
        AssertSectors(kernel, counters);
        Assert.That(counters.BankConflicts, Is.Zero, $"bank conflicts of {kernel}");
    }
}
