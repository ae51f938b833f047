using PerturbedForgetting.Tensors;
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
        Tensor direction = Copy(d), squaredNorm = OnDevice(2.5), rho = OnDevice(0.7);
        float[] actual = Twice(() =>
        {
            Tensor moved = Output((int)Weights.Count);
            Backend.StepAlong(Layout, Weights, direction, weighting, squaredNorm, rho, sign, null, moved);
            return moved.ToArray<float>();
        });
        AssertClose(actual, y.ToArray<float>(), Relative, Absolute);
    }

    /// <summary>The four forms of ASAM: weighting of the norm and of the step.</summary>
    [Test]
    public void APerturbationHasTheRadius([Values(0, 1)] int ofNorm, [Values(0, 1, 2)] int ofStep)
    {
        Make([5000, 33]);
        float[] w = Model.Arena.Weights.ToArray<float>(), g = Model.NewBuffer().ToArray<float>();
        Tensor gradient = Input(g), moved = Output(w.Length), norm = Output(DType.Float64, 1);
        Backend.SquaredNorm(Layout, gradient, (Weighting)ofNorm, Weights, norm);
        Backend.StepAlong(Layout, Weights, gradient, (Weighting)ofStep, norm, OnDevice(0.05), 1, null, moved);
        double length = Math.Sqrt(w.Zip(g, (a, b) => Math.Pow(b * Math.Pow(Math.Abs(a), ofNorm), 2)).Sum());
        float[] expected = [.. w.Zip(g, (a, b) => (float)(a + (0.05 / length * b * Math.Pow(Math.Abs(a), ofStep))))];
        // The step is at most 0.05 / length long.
        AssertClose(moved, expected, Relative, absolute: 2.4e-7 * 0.05 / length);
    }

    [Test]
    public void AZeroDirectionLeavesTheWeightsBitForBit()
    {
        Make(ArenaModel.AwkwardSizes);
        Tensor d = Input(new float[Weights.Count]), y = Output((int)Weights.Count);
        Backend.StepAlong(Layout, Weights, d, Weighting.None, OnDevice(0), OnDevice(0.5), 1, null, y);
        AssertClose(y, Model.Arena.Weights, relative: 0);
    }

    [Test]
    public void CombineEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] bool direction, [Values] Weighting weighting,
        [Values] bool accumulate)
    {
        Make(sizes);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(), y = Model.NewBuffer(), coefficients = Numbers(0.8, -0.3);
        float[] before = y.ToArray<float>();
        UpdateGradient g = direction ? new(Copy(x), Copy(z), weighting, OnDevice(0.8, -0.3)) : new(Copy(x));
        float[] actual = Twice(() =>
        {
            Tensor result = Input(before);
            Backend.Combine(Layout, g, Weights, 0.5, accumulate, result);
            return result.ToArray<float>();
        });
        MultiTensorOps.Combine(Model.Layout, direction ? new(x, z, weighting, coefficients) : new(x), 0.5, accumulate, y);
        AssertClose(actual, y.ToArray<float>(), Relative, Absolute);
    }

    [Test]
    public void SumsOfGradientsEqualCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] bool direction, [Values] bool accumulate)
    {
        Make(sizes);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(), y = Model.NewBuffer(), coefficients = Numbers(0.8, -0.3);
        double[] before = [.. y.ToArray<float>().Select(static v => v / 3.0)];
        UpdateGradient g = direction ? new(Copy(x), Copy(z), Weighting.Magnitude, OnDevice(0.8, -0.3)) : new(Copy(x));
        Tensor sums = OnDevice(before), rounded = Copy(y);
        Backend.Accumulate(Layout, g, Weights, 1.0 / 3, accumulate, sums);
        Backend.Narrow(Layout, sums, rounded);
        Tensor expected = Numbers(before);
        MultiTensorOps.Accumulate(Model.Layout, direction ? new(x, z, Weighting.Magnitude, coefficients) : new(x), 1.0 / 3, accumulate,
            expected);
        MultiTensorOps.Narrow(Model.Layout, expected, y);
        // The terms are float32, and a kernel may fuse what makes them.
        AssertClose([.. sums.ToArray<double>().Select(static v => (float)v)], [.. expected.ToArray<double>().Select(static v => (float)v)],
            Relative, Absolute);
        AssertClose(rounded.ToArray<float>(), y.ToArray<float>(), Relative, Absolute);
    }

    [Test]
    public void LerpEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values(0, 0.3, 1)] double factor)
    {
        Make(sizes);
        Tensor y = Model.NewBuffer(), target = Model.NewBuffer();
        Tensor actual = Copy(y);
        Backend.Lerp(Layout, actual, Copy(target), OnDevice(factor));
        MultiTensorOps.Lerp(Model.Layout, y, target, Numbers(factor));
        AssertClose(actual, y, Relative, Absolute);
    }

    [TestCase(1), TestCase(31), TestCase(33), TestCase(1025)]
    public void LerpOfATensorEqualsCpu(int count)
    {
        float[] y = Normal(count), target = Normal(count);
        long[] counter = [.. Whole(count, 1 << 20)], counterTarget = [.. Whole(count, 1 << 20)];
        Tensor actual = Input(y), actualCounter = Input(counter);
        Backend.Lerp(actual, Input(target), OnDevice(0.3));
        // Halves of whole numbers are exact, so that truncation is the same with and without a rounded product.
        Backend.Lerp(actualCounter, Input(counterTarget), OnDevice(0.5));
        using Tensor expected = OnCpu(y), expectedCounter = OnCpu(counter), cpuTarget = OnCpu(target), cpuCounter = OnCpu(counterTarget);
        MultiTensorOps.Lerp(expected, cpuTarget, Numbers(0.3));
        MultiTensorOps.Lerp(expectedCounter, cpuCounter, Numbers(0.5));
        AssertClose(actual, expected, Relative, Absolute);
        Assert.That(actualCounter.ToArray<long>(), Is.EqualTo(expectedCounter.ToArray<long>()));
    }

    [Test]
    public void PassesMoveTheLeastBytes([Values(1, 3)] int tiles)
    {
        Make([tiles * MultiTensorLayout.TileLength]);
        Tensor g = Copy(Model.NewBuffer()), y = Copy(Model.NewBuffer()), half = OnDevice(0.5);
        long count = Weights.Count, table = tiles * Warps * 16;

        Backend.StepAlong(Layout, Weights, g, Weighting.Magnitude, half, half, 1, null, y);
        // Norm and radius are read once a tile.
        AssertTraffic("step_along", loaded: (8 * count) + table + (16 * tiles), stored: 4 * count);
        Backend.Lerp(Layout, y, Weights, half);
        AssertTraffic("lerp", loaded: (8 * count) + table + (tiles * Warps * 8), stored: 4 * count);
        Backend.Combine(Layout, new(g), Weights, 1, accumulate: false, y);
        AssertTraffic("combine", loaded: (4 * count) + table, stored: 4 * count);
        Tensor sums = Output(DType.Float64, (int)count);
        Backend.Accumulate(Layout, new(g), Weights, 1, accumulate: false, sums);
        AssertTraffic("accumulate", loaded: (4 * count) + table, stored: 8 * count);
        Backend.Narrow(Layout, sums, y);
        AssertTraffic("narrow", loaded: (8 * count) + table, stored: 4 * count);
        foreach (string kernel in new[] { "step_along", "lerp", "combine", "accumulate", "narrow" })
            Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero, kernel);
    }

    /// <summary>A step of SAM with two arenas: norm, perturbation and update are all that moves. The weights are back, every bit of them,
    /// by reading the first arena again.</summary>
    [Test]
    public void RestoringBySwitchingArenasMovesNothing()
    {
        Make([MultiTensorLayout.TileLength]);
        Tensor g = Copy(Model.NewBuffer()), perturbed = Output((int)Weights.Count), norm = Output(DType.Float64, 1);
        Backend.SquaredNorm(Layout, g, Weighting.None, Weights, norm);
        Backend.StepAlong(Layout, Weights, g, Weighting.None, norm, OnDevice(0.05), 1, null, perturbed);
        Assert.That(perturbed.ToArray<float>(), Is.Not.EqualTo(Model.Arena.Weights.ToArray<float>()));
        AssertClose(Weights, Model.Arena.Weights, relative: 0);
        Backend.SgdUpdate(Layout, Weights, new(g), Copy(Model.NewBuffer()), new(0.9, true), Control(0.1, 1, 1, 1, 0, 1));
        if (AllCounters is not { } counters)
            return;
        Assert.That(counters.Keys, Is.EquivalentTo(new[] { "squared_norm", "step_along", "sgd_update" }));
        // 4 + 8 + 12 bytes a parameter loaded and 4 + 8 stored; the rest are the tile and some numbers.
        Assert.That(counters.Values.Sum(c => c.BytesLoaded) / (double)Weights.Count, Is.EqualTo(24).Within(0.1));
        Assert.That(counters.Values.Sum(c => c.BytesStored) / (double)Weights.Count, Is.EqualTo(12).Within(0.001));
    }

    [Test]
    public void CombineReadsWhatItNeeds([Values] bool accumulate, [Values] Weighting weighting)
    {
        Make([MultiTensorLayout.TileLength]);
        Tensor g = Copy(Model.NewBuffer()), z = Copy(Model.NewBuffer()), y = Copy(Model.NewBuffer());
        Backend.Combine(Layout, new(g, z, weighting, OnDevice(0.5, 0.5)), Weights, 1, accumulate, y);
        int each = 8 + (accumulate ? 4 : 0) + (weighting == Weighting.None ? 0 : 4);
        AssertTraffic("combine", loaded: (each * y.Count) + (Warps * (16 + 16)), stored: 4 * y.Count);
    }
}
