using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tests.Tensors.Backends.Cpu;

/// <summary>
/// How evenly work is cut for many threads: the tasks of the real plans, with what they cost in multiply-adds, handed out as the pool
/// does. Balance is all work over threads times the longest thread's; of the ideal is the time of one thread's plan over threads times
/// theirs, so that packing which more tasks repeat counts against it.
/// </summary>
[TestFixture]
sealed class PartitionTests
{
    // Register tile of AVX-512; a packed element costs about what eight of its multiply-adds do.
    const int Lines = 12, Columns = 32, PackCost = 8;

    /// <summary>Products of the layers that carry a step: rows, columns, depth.</summary>
    static readonly object[][] large =
    [
        ["cube", 1024, 1024, 1024], ["cube", 2048, 2048, 2048],
        ["ViT-S/32 qkv", 400, 1152, 384], ["ViT-S/32 fc1", 400, 1536, 384], ["ViT-S/32 fc2", 400, 384, 1536],
        ["ViT-S/32 fc1, gradient of the weights", 1536, 384, 400],
        ["ViT-Ti/4 fc1", 2080, 768, 192], ["ViT-Ti/4 fc2", 2080, 192, 768], ["ViT-Ti/4 fc1, gradient of the weights", 768, 192, 2080],
        ["ResNet-18 stage 2", 8192, 128, 1152], ["ResNet-18 stage 2, weights", 128, 1152, 8192],
        ["ResNet-18 stage 1, weights", 64, 576, 32768],
        ["ResNet-18 stage 3", 2048, 256, 2304], ["ResNet-18 stage 3, weights", 256, 2304, 2048],
        ["ResNet-18 stage 4", 512, 512, 4608], ["ResNet-18 stage 4, weights", 512, 4608, 512],
        ["ResNet-50 224 px stem", 100352, 64, 147], ["ResNet-50 224 px stem, weights", 64, 147, 100352],
        ["ResNet-50 224 px stage 1", 25088, 256, 64], ["ResNet-50 224 px stage 1, weights", 256, 64, 25088],
        ["ResNet-50 224 px stage 2", 6272, 128, 1152], ["ResNet-50 224 px stage 2, weights", 128, 1152, 6272],
        ["ResNet-50 224 px stage 3", 1568, 256, 2304], ["ResNet-50 224 px stage 3, weights", 256, 2304, 1568],
        ["ResNet-50 224 px stage 4", 392, 512, 4608], ["ResNet-50 224 px stage 4, weights", 512, 4608, 392],
    ];

    [TestCaseSource(nameof(large))]
    public void LargeProductsOccupySixtyFourThreads(string name, int m, int n, int k)
    {
        var (_, one) = Times(m, n, k, 1);
        foreach (int threads in new[] { 2, 8, 16, 64 })
        {
            var (work, time) = Times(m, n, k, threads);
            double balance = work / (threads * time), efficiency = one / (threads * time);
            TestContext.Out.WriteLine($"{name}: {threads} threads, {balance:P0} balanced, {efficiency:P0} of ideal");
            Assert.That(balance, Is.GreaterThan(0.8), $"{threads} threads share the work evenly");
            Assert.That(efficiency, Is.GreaterThan(0.6), $"{threads} threads, what they repeat counted in");
        }
    }

    /// <summary>Work of all tasks, and when the last of the threads is ready.</summary>
    static (double Work, double Time) Times(int m, int n, int k, int threads)
    {
        var plan = GemmPlan.For(m, n, k, Lines, Columns, threads);
        double work = 0, time = 0;
        for (int slice = 0; slice < n; slice += plan.SliceColumns)
        {
            int columns = Math.Min(plan.SliceColumns, n - slice);
            if (!plan.OwnRight)
                Add(Enumerable.Repeat((double)PackCost * Columns * Math.Min(k, GemmBlocking.Depth),
                    Panels(columns, Columns) * Panels(k, GemmBlocking.Depth)));
            Add(Enumerable.Range(0, plan.Tasks(columns)).Select(i => Cost(plan.Task(i, columns), plan.OwnRight)));
        }
        if (plan.Splits > 1)
            Add(Enumerable.Repeat((double)PackCost * plan.SumRows * n * plan.Splits, Panels(m, plan.SumRows)));
        return (work, time);

        void Add(IEnumerable<double> loop)
        {
            double[] costs = [.. loop];
            work += costs.Sum();
            time += LoopTrace.Makespan(costs, threads);
        }
    }

    static double Cost(GemmTask task, bool ownRight)
    {
        double rows = Panels(task.Rows, Lines) * Lines, columns = Panels(task.Columns, Columns) * Columns;
        return task.Depth * ((rows * columns) + (PackCost * (rows + (ownRight ? columns : 0))));
    }

    static int Panels(int count, int panel) => GemmPlan.CeilDiv(count, panel);

    [Test]
    public void TasksCoverAProductOnce([Values(1, 12, 47, 240, 500, 2049)] int m, [Values(1, 33, 384, 1200)] int n,
        [Values(1, 192, 5000, 100_000)] int k, [Values(1, 2, 64)] int threads)
    {
        var plan = GemmPlan.For(m, n, k, Lines, Columns, threads);
        long covered = 0;
        for (int slice = 0; slice < n; slice += plan.SliceColumns)
        {
            int columns = Math.Min(plan.SliceColumns, n - slice);
            GemmTask[] tasks = [.. Enumerable.Range(0, plan.Tasks(columns)).Select(i => plan.Task(i, columns))];
            Assert.That(tasks, Is.All.Matches<GemmTask>(t => t is { Rows: > 0, Columns: > 0, Depth: > 0 } && t.Row % Lines == 0
                && t.Column % Columns == 0));
            Assert.That(tasks.Select(t => (t.Row, t.Column, t.Depth0)), Is.Unique);
            covered += tasks.Sum(t => (long)t.Rows * t.Columns * t.Depth);
        }
        Assert.That(covered, Is.EqualTo((long)m * n * k));
    }

    [Test]
    public void SumsAreCutAlikeForAnyNumberOfThreads([Values(64, 512)] int m, [Values(147, 576, 4608)] int n, [Values(512, 25088)] int k)
    {
        var one = GemmPlan.For(m, n, k, Lines, Columns, 1);
        foreach (int threads in new[] { 2, 16, 64, 200 })
        {
            var many = GemmPlan.For(m, n, k, Lines, Columns, threads);
            Assert.That((many.Splits, many.SplitDepth), Is.EqualTo((one.Splits, one.SplitDepth)), $"{threads} threads");
        }
        ChannelTiles few = new(k, m, 1), fine = new(k, m, 64);
        Assert.That((fine.TileRows, fine.Group), Is.EqualTo((few.TileRows, few.Group)));
    }

    // Rows and channels of batch norm in ResNet-50 at 224 px, batch 8.
    [TestCase(100352, 64), TestCase(25088, 64), TestCase(25088, 256), TestCase(6272, 128), TestCase(6272, 512), TestCase(1568, 1024)]
    public void BatchNormHasATileForEachOfManyThreads(int rows, int channels)
    {
        var tiles = new ChannelTiles(rows, channels, 64);
        double[] costs = [.. Enumerable.Range(0, tiles.Count).Select(tiles.Tile).Select(t => (double)t.Rows * t.Channels)];
        TestContext.Out.WriteLine($"{tiles.Count} tiles, {costs.Sum() / (64 * LoopTrace.Makespan(costs, 64)):P0} of 64 threads");
        Assert.That(costs.Sum(), Is.EqualTo((double)rows * channels));
        Assert.That(tiles.Count, Is.GreaterThan(48));
    }

    [Test]
    public void BandsOfSlidingWindowsAreFinerForManyThreads()
    {
        // ResNet-50 at 64 px, batch 8, stage 1: 3x3 windows on 16x16 pixels of 64 channels.
        var grid = new WindowGrid<float> { Channels = 64, GridH = 16, GridW = 16, TapsH = 3, TapsW = 3 };
        Assert.That(8 * GemmPlan.CeilDiv(16, SlidingWindows.BandRows(8, grid, 64)), Is.GreaterThanOrEqualTo(64));
        Assert.That(SlidingWindows.BandRows(8, grid, 2), Is.EqualTo(SlidingWindows.BandRows(8, grid, 1)));
    }

    [Test]
    public void MakespanOfEqualPieces()
    {
        Assert.That(LoopTrace.Makespan([1, 1, 1, 1, 1], 2), Is.EqualTo(3));
        Assert.That(LoopTrace.Makespan([1, 1, 1, 1, 1], 64), Is.EqualTo(1));
        Assert.That(LoopTrace.Makespan([1, 2, 3], 1), Is.EqualTo(6));
        double[] many = [.. Enumerable.Repeat(1.0, 10_000)];
        Assert.That(LoopTrace.Makespan(many, 64), Is.InRange(157, 162), "shares that shrink leave no thread behind");
    }
}
