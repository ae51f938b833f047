using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training;

/// <summary>What users of other implementations of sharpness-aware minimisation have reported.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class SharpnessReportTests(string device) : DeviceFixture(device)
{
    static IEnumerable<TinySettings> Variants => TinySettings.Variants();

    static readonly LossFunction CrossEntropy = static (logits, labels) => Ops.CrossEntropy(logits, labels);

    [TestCaseSource(nameof(Variants))]
    public void AnInfiniteInputSkipsTheUpdateAndLeavesNoTrace(TinySettings settings)
    {
        using var run = new TinyRun(settings with { Clip = 1 }).Train(2);
        double[][] before = run.State();
        var (images, labels) = run.Tiny.Batch(2);
        float[] pixels = images.ToArray<float>();
        float[] bad = [.. pixels];
        bad[5] = float.PositiveInfinity;
        images.CopyFrom((ReadOnlySpan<float>)bad);
        run.Step.Batch(images, labels, 2, TinyModels.Batches);
        Assert.That(run.State(), Is.EqualTo(before));
        Assert.That((run.Step.Optimizer.Skipped, run.Step.Optimizer.Steps, run.Step.Updates), Is.EqualTo((1L, 2L, 3L)));

        images.CopyFrom((ReadOnlySpan<float>)pixels);
        run.NextBatch = 3;
        run.Train(2);
        Assert.That(run.Weights, Is.All.Matches<float>(float.IsFinite));
        Assert.That(run.Weights, Is.Not.EqualTo(before[0]));
    }

    static IEnumerable<TinySettings> WithBatchNorm => Variants.Where(static v => v.Model == "conv");

    /// <summary>A variance overflows before anything else does: outputs and gradients behind it are finite, but the running variance would
    /// be infinite for ever.</summary>
    [TestCaseSource(nameof(WithBatchNorm))]
    public void AnOverflowingVarianceSkipsTheUpdateAndLeavesNoTrace(TinySettings settings)
    {
        using var run = new TinyRun(settings).Train(2);
        double[][] before = run.State();
        var (images, labels) = run.Tiny.Batch(2);
        images.CopyFrom((ReadOnlySpan<float>)Array.ConvertAll(images.ToArray<float>(), static v => 1e22f * v));
        run.Step.Batch(images, labels, 2, TinyModels.Batches);
        Assert.That(run.Step.Report().Loss, Is.Not.NaN);
        Assert.That(run.State(), Is.EqualTo(before));
        Assert.That(run.Step.Optimizer.Skipped, Is.EqualTo(1));
    }

    [Test]
    public void ANonFiniteDescentGradientSkipsTheUpdateToo([Values("sgdw", "sam_sgdw", "sam_adamw", "randsam_sgd")] string opt)
    {
        double factor = 1;
        var settings = new TinySettings(opt, opt)
        {
            Model = "conv",
            Loss = (logits, labels) =>
            Ops.Scale(Ops.CrossEntropy(logits, labels), factor),
            Perturbation = new() { Loss = CrossEntropy }
        };
        using var run = new TinyRun(settings).Train(3);
        double[][] before = run.State();
        factor = double.NaN;
        run.Train(1);
        Assert.That(run.State(), Is.EqualTo(before));
        Assert.That(run.Step.Optimizer.Skipped, Is.EqualTo(1));
    }

    [Test]
    public void OneBadBatchSkipsItsWholeWindow()
    {
        int calls = 0;
        var settings = new TinySettings("accum2", "sam_sgdw")
        {
            Accumulation = 2,
            Loss = (logits, labels) =>
            Ops.Scale(Ops.CrossEntropy(logits, labels), ++calls == 1 ? double.NaN : 1),
            Perturbation = new() { Loss = CrossEntropy }
        };
        using var run = new TinyRun(settings);
        float[] before = run.Weights;
        run.Train(2);
        Assert.That(run.Weights, Is.EqualTo(before));
        run.Train(2);
        Assert.That(run.Weights, Is.Not.EqualTo(before));
        Assert.That((run.Step.Optimizer.Skipped, run.Step.Optimizer.Steps), Is.EqualTo((1L, 1L)));
    }

    [TestCaseSource(nameof(Variants))]
    public void EveryOptimizerNameTrains(TinySettings settings)
    {
        bool isAdam = settings.Opt.Contains("adam", StringComparison.Ordinal);
        using var run = new TinyRun(settings with { Rate = isAdam ? 0.02 : 0.1 }).Train(5);
        double first = run.Step.Report().MeanLoss;
        run.Train(35);
        Assert.That(run.Step.Report().MeanLoss, Is.LessThan(0.8 * first));
    }

    [TestCase("sam")]
    [TestCase("sam_lamb")]
    [TestCase("SGD")]
    [TestCase("")]
    public void AnUnknownNameListsTheChoices(string name) => Assert.That(() => OptimizerName.Parse(name),
        Throws.ArgumentException.With.Message.Contains("sam_adamw").And.Message.Contains("randsam_sgdw"));

    [Test]
    public void TheLastWindowIsAMeanOverItsOwnBatch([Values("sgd", "sam_sgd")] string opt)
    {
        // With a rate of 0 the weights stay, so each window's gradient can be compared with those of single batches.
        using var single = new TinyRun(new(opt, opt) { Rate = 0 });
        var gradients = Enumerable.Range(0, 5).Select(b => Gradient(single, b)).ToArray();
        using var run = new TinyRun(new(opt, opt) { Rate = 0, Accumulation = 2 });
        int[][] windows = [[0, 1], [2, 3], [4]];
        foreach (int[] window in windows)
        {
            double[] actual = [];
            foreach (int batch in window)
                actual = Gradient(run, batch);
            double[] mean = [.. Enumerable.Range(0, actual.Length).Select(i => window.Average(b => gradients[b][i]))];
            Assert.That(actual, Is.EqualTo(mean).Within(3e-7), $"window {window[0]}");
        }

        static double[] Gradient(TinyRun run, int batch)
        {
            var (images, labels) = run.Tiny.Batch(batch);
            var window = UpdateWindow.At(batch, TinyModels.Batches, run.Settings.Accumulation);
            run.Step.AddGradient(images, labels, window);
            var copy = run.Arena.NewBuffer();
            run.Step.CopyGradient(copy);
            if (window.IsLast)
                run.Step.Update();
            return TinyModels.Read(copy);
        }
    }

    [TestCase("sgd", 0)]
    [TestCase("sam_sgd", 2)]
    [TestCase("randsam_sgd", 2)]
    public void AccumulationCostsOneSumInFloat64(string opt, int copies)
    {
        long single = Peak(1), accumulated = Peak(4);
        // The scalar 1 / windows, and on a GPU the partial sums of a bias gradient that is added to, are smallest blocks of the allocator.
        int blocks = Device == Device.Cpu ? 1 : 2;
        Assert.That(accumulated - single, Is.LessThanOrEqualTo((copies * ArenaBytes()) + (blocks * 512)));

        long Peak(int accumulation)
        {
            long before = Device.Memory.Live;
            Device.ResetPeak();
            using var run = new TinyRun(new(opt, opt) { Accumulation = accumulation }).Train(10);
            return Device.Memory.Peak - before;
        }

        long ArenaBytes()
        {
            using var tiny = new TinyModels("mlp");
            long before = Device.Memory.Live;
            tiny.Arena.NewBuffer();
            return Device.Memory.Live - before;
        }
    }

    [Test]
    public void TheWeightsMoveByTheReportedRate([Values("sgd", "sgdw", "sam_sgd")] string opt)
    {
        using var run = new TinyRun(new(opt, opt) { Numbers = new() { WeightDecay = 0, Momentum = 0 } }, TestDevices.FloatTypes[^1]);
        for (int i = 0; i < 10; i++)
        {
            double rate = run.Step.LearningRate;
            Assert.That(rate, i == 0 ? Is.Zero : Is.GreaterThan(0));
            double[] before = TinyModels.Read(run.Arena.Weights);
            run.Train(1);
            double moved = Math.Sqrt(TinyModels.Read(run.Arena.Weights).Zip(before, static (a, b) => (a - b) * (a - b)).Sum());
            // Half a unit in the last place of every weight.
            double rounding = Math.Sqrt(before.Sum(static w => w * w)) * (TestDevices.FloatTypes[^1] == DType.Float64 ? 1.2e-16 : 6e-8);
            double gradient = run.Step.Report().GradientNorm;
            Assert.That(moved / gradient, Is.EqualTo(rate).Within(1e-12 + (rounding / gradient)));
        }
    }

    [Test]
    public void OnlyTheCleanPassUpdatesRunningStatistics([Values(8, 4, 2)] int chunk, [Values("sam_sgdw", "randsam_sgdw")] string opt)
    {
        using var run = new TinyRun(new("conv", opt) { Model = "conv", Perturbation = new() { ChunkSize = chunk } });
        using var clean = new TinyModels("conv");
        var (images, labels) = clean.Batch(0);
        using (GradMode.NoGrad())
        {
            for (int c = 0; c < 8 / chunk; c++)
                clean.Model.Call(images.Rows(c * chunk, chunk)).Dispose();
        }
        run.Train(1);
        foreach (var (expected, actual) in clean.Model.State().Zip(run.Tiny.Model.State()))
        {
            if (expected.Tensor is Parameter)
                continue;
            // As in the reference, the counter counts both passes, from where the reference starts it.
            double passes = expected.Tensor.DType == DType.Int64 ? 8 / chunk : 0;
            Assert.That(TinyModels.Read(actual.Tensor), Is.EqualTo(TinyModels.Read(expected.Tensor).Select(v => v + passes)),
                expected.Name);
        }
    }

    [Test]
    public void HoldingStatisticsReachesNormalizationOfAnyModule([Values("sam_sgd", "randsam_sgd")] string opt)
    {
        using var model = new OwnNormalization();
        using var arena = new ParameterArena(model);
        using var optimizer = OptimizerFactory.Create(OptimizerName.Parse(opt), arena, new());
        using var step = new TrainingStep(model, arena, optimizer,
            new(CrossEntropy) { Perturbation = new() { IsRandom = opt.StartsWith("rand", StringComparison.Ordinal) } },
            new LinearSchedule(0.1, 0, 0, 0, 1, 1), RhoPolicy.Constant(0.5));
        using var x = Persistent([4, 3], DType.Float32).CopyFrom<float>([1, 2, 3, 4, 5, 7, 8, 8, 8, 0, 1, -6]);
        using var y = Persistent([4], DType.Int32).CopyFrom<int>([0, 1, 2, 0]);
        step.Batch(x, y, 0, 1);
        // Means 3.25, 4 and 3 and momentum 0.1; a second update would give 0.19 of them.
        Assert.That(model.Mean.ToArray<float>(), Is.EqualTo(new[] { 0.325f, 0.4f, 0.3f }).Within(1e-6f));
        Assert.That(model.Variance.ToArray<float>()[1], Is.EqualTo(0.9f + (0.1f * 30 / 3)).Within(1e-5f));
    }

    [TestCaseSource(nameof(Variants))]
    public void ARestoredRunContinuesBitForBit(TinySettings settings)
    {
        settings = settings with { Accumulation = 2, Clip = 2, Shrink = 0.01 };
        using var straight = new TinyRun(settings).Train(10);
        // At the end of an epoch, within a window, between two.
        foreach (int stop in new[] { 5, 3, 4 })
        {
            using var first = new TinyRun(settings).Train(stop);
            using var second = new TinyRun(settings);
            second.Step.Progress = first.Step.Progress;
            Assert.That(second.Step.Progress, Is.EqualTo(first.Step.Progress));
            foreach (var (from, to) in first.Step.State().Zip(second.Step.State(), static (a, b) => (a, b)))
            {
                Assert.That(to.Name, Is.EqualTo(from.Name));
                to.Tensor.CopyFrom(from.Tensor);
            }
            foreach (var (from, to) in first.Tiny.Model.State().Zip(second.Tiny.Model.State()))
                to.Tensor.CopyFrom(from.Tensor);
            second.NextBatch = stop;
            second.Train(10 - stop);
            Assert.That(second.State(), Is.EqualTo(straight.State()), $"stopped after {stop} batches");
        }
    }

    [Test]
    public void TheRateAfterARestoreIsTheOptimizersOwn()
    {
        using var first = new TinyRun(new("sgd", "sgd") { Numbers = new() { WeightDecay = 0, Momentum = 0 } }).Train(7);
        using var second = new TinyRun(first.Settings);
        second.Step.Progress = first.Step.Progress;
        Assert.That(second.Step.LearningRate, Is.EqualTo(first.Step.LearningRate));
        second.Step.Optimizer.LearningRate = 0.001;
        second.NextBatch = 7;
        float[] before = second.Weights;
        second.Train(1);
        double moved = Math.Sqrt(second.Weights.Zip(before, static (a, b) => Math.Pow(a - b, 2)).Sum());
        Assert.That(moved / second.Step.Report().GradientNorm, Is.EqualTo(0.001).Within(1e-7));
    }

    [Test]
    public void AllGroupsHaveTheDefaultMomentum()
    {
        using var run = new TinyRun(new("sgd", "sam_sgd") { Numbers = new() });
        run.Train(1);
        double[] first = run.Tiny.Read(run.Step.Optimizer.State().Single().Tensor, "fc1.bias");
        run.Step.AddGradient(run.Tiny.Batch(1).Images, run.Tiny.Batch(1).Labels, UpdateWindow.At(1, 5, 1));
        var gradient = run.Arena.NewBuffer();
        run.Step.CopyGradient(gradient);
        run.Step.Update();
        double[] second = run.Tiny.Read(run.Step.Optimizer.State().Single().Tensor, "fc1.bias");
        Assert.That(second, Is.EqualTo(run.Tiny.Read(gradient, "fc1.bias").Zip(first, static (g, v) => g + (0.9 * v))).Within(1e-6));
    }

    [TestCaseSource(nameof(Variants))]
    public void FrozenParametersAreNeitherMovedNorUpdated(TinySettings settings)
    {
        string head = settings.Model == "mlp" ? "fc2" : "fc";
        using var run = new TinyRun(settings with
        {
            Shrink = 0.1,
            Prepare = model =>
            {
                foreach (var (name, parameter) in model.NamedParameters())
                    parameter.IsTrainable = name.StartsWith(head + ".", StringComparison.Ordinal);
            },
        });
        var before = run.Arena.Segments.Select(s => (s.Name, Values: s.Parameter.ToArray<float>())).ToArray();
        run.Train(5);
        foreach (var (name, values) in before)
            Assert.That(run.Tiny.Segment(name).Parameter.ToArray<float>(), name.StartsWith(head + ".", StringComparison.Ordinal)
                ? Is.Not.EqualTo(values)
                : Is.EqualTo(values), name);
        foreach (var (name, buffer) in run.Step.Optimizer.State())
            Assert.That(run.Arena.Segments.Where(s => !s.Parameter.IsTrainable).SelectMany(s => run.Tiny.Read(buffer, s.Name)), Is.All.Zero,
                name);
    }

    [TestCaseSource(nameof(Variants))]
    public void GradientsOfZeroAreSafe(TinySettings settings)
    {
        using var run = new TinyRun(settings with
        {
            Numbers = new() { WeightDecay = 0 },
            Loss = static (logits, labels) => Ops.Scale(Ops.CrossEntropy(logits, labels), 0),
            Perturbation = settings.Perturbation with { Loss = static (logits, labels) => Ops.Scale(Ops.CrossEntropy(logits, labels), 0) },
        });
        float[] before = run.Weights;
        run.Train(5);
        Assert.That(run.Step.Optimizer.Skipped, Is.Zero);
        // With a random direction GSAM's combination is that direction, not zero.
        if (settings.Perturbation.Alpha > 0 && settings.Opt.StartsWith("rand", StringComparison.Ordinal))
            Assert.That(run.Weights, Is.All.Matches<float>(float.IsFinite));
        else
            Assert.That(run.Weights, Is.EqualTo(before));
    }

    [Test]
    public void TheSecondGradientIsThatAtThePerturbedWeightsAlone([Values("sam_sgd", "randsam_sgd")] string opt,
        [Values("mlp", "conv")] string model)
    {
        float[]? moved = null;
        TinyRun? run = null;
        run = new TinyRun(new(opt, opt)
        {
            Model = model,
            Perturbation = new() { Loss = CrossEntropy },
            Loss = (logits, labels) =>
            {
                moved = [.. run!.Arena.Segments.SelectMany(static s => s.Parameter.ToArray<float>())];
                return Ops.CrossEntropy(logits, labels);
            },
        });
        var (images, labels) = run.Tiny.Batch(0);
        run.Step.AddGradient(images, labels, UpdateWindow.At(0, 5, 1));
        var gradient = run.Arena.NewBuffer();
        run.Step.CopyGradient(gradient);

        using var other = new TinyModels(model);
        int at = 0;
        foreach (var segment in other.Arena.Segments)
        {
            segment.Parameter.CopyFrom((ReadOnlySpan<float>)moved.AsSpan(at, (int)segment.Count));
            at += (int)segment.Count;
        }
        using (PerturbedForgetting.Tensors.Memory.Scope.Begin())
            Ops.CrossEntropy(other.Model.Call(images), labels).Backward();
        foreach (var segment in other.Arena.Segments)
            Assert.That(run.Tiny.Read(gradient, segment.Name), Is.EqualTo(TinyModels.Read(segment.Parameter.Grad!)), segment.Name);
        run.Dispose();
    }

    [Test]
    public void WithoutAlphaGsamIsSam([Values] bool normalized) => AssertEqual(
        new("gsam", "sam_sgdw") { Perturbation = new() { Alpha = 0, IsDirectionNormalized = normalized } },
        new("sam", "sam_sgdw"));

    [Test]
    public void ProportionalRhoWithEqualBoundsIsConstant() => AssertEqual(
        new("lr_prop", "sam_adamw") { Rho = static schedule => RhoPolicy.Create(RhoPolicyKind.LrProportional, 0.1, 0.1, schedule) },
        new("constant", "sam_adamw"));

    [Test]
    public void WithoutRadiusSamIsTheBaseOptimizer([Values("sgd", "sgdw", "adam", "adamw")] string opt,
        [Values("sam_", "randsam_")] string prefix) => AssertEqual(
        new("rho 0", prefix + opt) { Rho = static _ => RhoPolicy.Constant(0) },
        new("base", opt));

    static void AssertEqual(TinySettings a, TinySettings b)
    {
        foreach (string model in new[] { "mlp", "conv" })
        {
            using var first = new TinyRun(a with { Model = model }).Train(10);
            using var second = new TinyRun(b with { Model = model }).Train(10);
            Assert.That(first.Weights, Is.EqualTo(second.Weights), model);
        }
    }

    /// <summary>Normalises without the layer for it.</summary>
    sealed class OwnNormalization : Module, IDisposable
    {
        readonly Parameter weight, bias;

        public OwnNormalization()
        {
            weight = Register("scale", new Parameter(Initialization.Current.Constant([3], 1)));
            bias = Register("shift", new Parameter(Initialization.Current.Constant([3], 0)));
            Mean = RegisterBuffer("mean", Initialization.Current.Constant([3], 0));
            Variance = RegisterBuffer("variance", Initialization.Current.Constant([3], 1));
        }

        public Tensor Mean { get; }

        public Tensor Variance { get; }

        public void Dispose()
        {
            Mean.Dispose();
            Variance.Dispose();
        }

        protected override Tensor Forward(Tensor x) => Ops.BatchNorm(x, weight, bias, Mean, Variance, Training);
    }
}
