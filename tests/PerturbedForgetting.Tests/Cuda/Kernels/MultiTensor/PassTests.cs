using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tests.Tensors.MultiTensor;

namespace PerturbedForgetting.Tests.Cuda.Kernels.MultiTensor;

/// <summary>Perturbation, combination and mixing.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class PassTests(string device) : MultiTensorFixture(device)
{
    // The CPU rounds products that the kernels do not: a unit or two in the last place of the terms, which are at most 2.
    const double Relative = 2.4e-7, Absolute = 2.4e-7;

    [Test]
    public void StepAlongEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] Weighting weighting, [Values(-1, 1)] int sign)
    {
        Make(sizes);
        Tensor d = Model.NewBuffer(), y = Model.Arena.NewBuffer(), norm = Numbers(2.5), radius = Numbers(0.7);
        MultiTensorOps.StepAlong(Model.Layout, d, weighting, norm, radius, sign, y);
        DeviceBuffer<float> direction = Copy(d), weights = Copy(Model.Arena.Weights);
        DeviceBuffer<double> squaredNorm = Upload(2.5), rho = Upload(0.7);
        float[] actual = Twice(() =>
        {
            DeviceBuffer<float> moved = Poisoned<float>(weights.Count);
            new StepAlong(Library).Launch(Stream, Tiles, moved, weights, direction, weighting, squaredNorm, rho, sign);
            return Download(moved);
        });
        AssertClose(actual, y.ToArray<float>(), Relative, Absolute);
    }

    /// <summary>The four forms of ASAM: weighting of the norm and of the step.</summary>
    [Test]
    public void APerturbationHasTheRadius([Values(0, 1)] int ofNorm, [Values(0, 1, 2)] int ofStep)
    {
        Make([5000, 33]);
        float[] w = Model.Arena.Weights.ToArray<float>(), g = Model.NewBuffer().ToArray<float>();
        DeviceBuffer<float> weights = Upload<float>(w), gradient = Upload<float>(g), moved = Poisoned<float>(w.Length);
        DeviceBuffer<double> norm = Poisoned<double>(1), partials = Poisoned<double>(3 * Tiles.TileCount), rho = Upload(0.05);
        new SquaredNorm(Library).Launch(Stream, Tiles, norm, partials, gradient, weights, (Weighting)ofNorm);
        new StepAlong(Library).Launch(Stream, Tiles, moved, weights, gradient, (Weighting)ofStep, norm, rho, 1);
        double length = Math.Sqrt(w.Zip(g, (a, b) => Math.Pow(b * Math.Pow(Math.Abs(a), ofNorm), 2)).Sum());
        float[] expected = [.. w.Zip(g, (a, b) => (float)(a + (0.05 / length * b * Math.Pow(Math.Abs(a), ofStep))))];
        // The step is at most 0.05 / length long.
        AssertClose(Download(moved), expected, Relative, absolute: 2.4e-7 * 0.05 / length);
    }

    [Test]
    public void AZeroDirectionLeavesTheWeightsBitForBit()
    {
        Make(ArenaModel.AwkwardSizes);
        DeviceBuffer<float> weights = Copy(Model.Arena.Weights), d = Upload<float>(new float[weights.Count]), y = Poisoned<float>(weights.Count);
        DeviceBuffer<double> norm = Upload(0.0), radius = Upload(0.5);
        new StepAlong(Library).Launch(Stream, Tiles, y, weights, d, Weighting.None, norm, radius, 1);
        AssertClose(Download(y), Model.Arena.Weights.ToArray<float>(), relative: 0);
    }

    [Test]
    public void CombineEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] bool direction, [Values] Weighting weighting, [Values] bool accumulate)
    {
        Make(sizes);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(), y = Model.NewBuffer(), coefficients = Numbers(0.8, -0.3);
        DeviceBuffer<float> gradient = Copy(x), second = Copy(z), weights = Copy(Model.Arena.Weights);
        DeviceBuffer<double> numbers = Upload(0.8, -0.3);
        float[] before = y.ToArray<float>();
        DeviceGradient g = direction ? new(gradient, second, weighting, numbers) : new(gradient);
        float[] actual = Twice(() =>
        {
            DeviceBuffer<float> result = Upload<float>(before);
            new Combine(Library).Launch(Stream, Tiles, result, g, weights, 0.5, accumulate);
            return Download(result);
        });
        MultiTensorOps.Combine(Model.Layout, direction ? new(x, z, weighting, coefficients) : new(x), 0.5, accumulate, y);
        AssertClose(actual, y.ToArray<float>(), Relative, Absolute);
    }

    [Test]
    public void LerpEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values(0, 0.3, 1)] double factor)
    {
        Make(sizes);
        Tensor y = Model.NewBuffer(), target = Model.NewBuffer();
        DeviceBuffer<float> actual = Copy(y), to = Copy(target);
        DeviceBuffer<double> f = Upload(factor);
        new Lerp(Library).Launch(Stream, Tiles, actual, to, f);
        MultiTensorOps.Lerp(Model.Layout, y, target, Numbers(factor));
        AssertClose(Download(actual), y.ToArray<float>(), Relative, Absolute);
    }

    [TestCase(1), TestCase(31), TestCase(33), TestCase(1025)]
    public void LerpOfATensorEqualsCpu(int count)
    {
        float[] y = Normal(count), target = Normal(count);
        long[] counter = [.. Whole(count, 1 << 20)], counterTarget = [.. Whole(count, 1 << 20)];
        DeviceBuffer<float> actual = Upload<float>(y), to = Upload<float>(target);
        DeviceBuffer<long> actualCounter = Upload<long>(counter), toCounter = Upload<long>(counterTarget);
        DeviceBuffer<double> half = Upload(0.5), third = Upload(0.3);
        var lerp = new Lerp(Library);
        lerp.LaunchTensor(Stream, actual, to, third, count);
        // Halves of whole numbers are exact, so that truncation is the same with and without a rounded product.
        lerp.LaunchInt64(Stream, actualCounter, toCounter, half, count);
        using Tensor expected = OnCpu(y), expectedCounter = OnCpu(counter), cpuTarget = OnCpu(target), cpuCounter = OnCpu(counterTarget);
        MultiTensorOps.Lerp(expected, cpuTarget, Numbers(0.3));
        MultiTensorOps.Lerp(expectedCounter, cpuCounter, Numbers(0.5));
        AssertClose(Download(actual), expected.ToArray<float>(), Relative, Absolute);
        Assert.That(Download(actualCounter), Is.EqualTo(expectedCounter.ToArray<long>()));
    }

    [Test]
    public void PassesMoveTheLeastBytes([Values(1, 3)] int tiles)
    {
        Make([tiles * MultiTensorLayout.TileLength]);
        DeviceBuffer<float> w = Copy(Model.Arena.Weights), g = Copy(Model.NewBuffer()), y = Copy(Model.NewBuffer());
        DeviceBuffer<double> numbers = Upload(0.5, 0.5);
        long count = w.Count, table = tiles * Warps * 16;

        new StepAlong(Library).Launch(Stream, Tiles, y, w, g, Weighting.Magnitude, numbers, numbers, 1);
        // Norm and radius are read once a tile.
        AssertTraffic("step_along", loaded: (8 * count) + table + (16 * tiles), stored: 4 * count);
        new Lerp(Library).Launch(Stream, Tiles, y, w, numbers);
        AssertTraffic("lerp", loaded: (8 * count) + table + (tiles * Warps * 8), stored: 4 * count);
        new Combine(Library).Launch(Stream, Tiles, y, new(g), w, 1, accumulate: false);
        AssertTraffic("combine", loaded: (4 * count) + table, stored: 4 * count);
        foreach (string kernel in new[] { "step_along", "lerp", "combine" })
            Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero, kernel);
    }

    /// <summary>A step of SAM with two arenas: norm, perturbation and update are all that moves. The weights are back, every bit of them, by reading
    /// the first arena again.</summary>
    [Test]
    public void RestoringBySwitchingArenasMovesNothing()
    {
        Make([MultiTensorLayout.TileLength]);
        DeviceBuffer<float> w = Copy(Model.Arena.Weights), g = Copy(Model.NewBuffer()), perturbed = Poisoned<float>(w.Count);
        DeviceBuffer<double> norm = Poisoned<double>(1), partials = Poisoned<double>(3), radius = Upload(0.05), control = Upload(0.1, 1, 1, 1, 0, 1);
        new SquaredNorm(Library).Launch(Stream, Tiles, norm, partials, g, w, Weighting.None);
        new StepAlong(Library).Launch(Stream, Tiles, perturbed, w, g, Weighting.None, norm, radius, 1);
        Assert.That(Download(perturbed), Is.Not.EqualTo(Model.Arena.Weights.ToArray<float>()));
        Assert.That(Download(w), Is.EqualTo(Model.Arena.Weights.ToArray<float>()));
        new SgdUpdate(Library).Launch(Stream, Tiles, w, g, new(g), new(0.9, true), control);
        if (AllCounters is not { } counters)
            return;
        Assert.That(counters.Keys, Is.EquivalentTo(new[] { "squared_norm", "step_along", "sgd_update" }));
        // 4 + 8 + 12 bytes a parameter loaded and 4 + 8 stored; the rest are the tile and some numbers.
        Assert.That(counters.Values.Sum(c => c.BytesLoaded) / (double)w.Count, Is.EqualTo(24).Within(0.1));
        Assert.That(counters.Values.Sum(c => c.BytesStored) / (double)w.Count, Is.EqualTo(12).Within(0.001));
    }

    [Test]
    public void CombineReadsWhatItNeeds([Values] bool accumulate, [Values] Weighting weighting)
    {
        Make([MultiTensorLayout.TileLength]);
        DeviceBuffer<float> w = Copy(Model.Arena.Weights), g = Copy(Model.NewBuffer()), z = Copy(Model.NewBuffer()), y = Copy(Model.NewBuffer());
        DeviceBuffer<double> numbers = Upload(0.5, 0.5);
        new Combine(Library).Launch(Stream, Tiles, y, new(g, z, weighting, numbers), w, 1, accumulate);
        int each = 8 + (accumulate ? 4 : 0) + (weighting == Weighting.None ? 0 : 4);
        AssertTraffic("combine", loaded: (each * w.Count) + (Warps * (16 + 16)), stored: 4 * w.Count);
    }
}
