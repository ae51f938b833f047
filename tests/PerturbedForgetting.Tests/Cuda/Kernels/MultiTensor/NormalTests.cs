using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Cuda.Kernels.MultiTensor;

/// <summary>Random directions, stored and made on the way.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class NormalTests(string device) : MultiTensorFixture(device)
{
    [Test]
    public void FillNormalEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values(0ul, 0x0123456789abcdeful)] ulong seed)
    {
        Make(sizes);
        ulong sequence = Streams.Perturbation + (ulong)Random.Next();
        Tensor y = Model.NewBuffer();
        float[] before = y.ToArray<float>();
        MultiTensorOps.FillNormal(Model.Layout, y, seed, sequence);
        float[] actual = Twice(() =>
        {
            DeviceBuffer<float> result = Upload<float>(before);
            new FillNormal(Library).Launch(Stream, Tiles, result, seed, sequence);
            return Download(result);
        });
        // Made in float64 and rounded once: another logarithm, sine and cosine may change the last bit, next to never.
        AssertClose(actual, y.ToArray<float>(), relative: 1.2e-7);
        Assert.That(actual.Zip(y.ToArray<float>()).Count(static p => p.First != p.Second), Is.LessThanOrEqualTo(1 + (actual.Length / 100_000)));
    }

    [Test]
    public void TheCallCountsOnTheDevice()
    {
        Make([1025]);
        DeviceBuffer<float> first = Upload<float>(new float[Model.Arena.Count]), second = Upload<float>(new float[Model.Arena.Count]);
        DeviceBuffer<ulong> call = Upload(42ul);
        new FillNormal(Library).Launch(Stream, Tiles, first, 7, Streams.Perturbation, call);
        new FillNormal(Library).Launch(Stream, Tiles, second, 7, Streams.Perturbation + 42);
        AssertClose(Download(first), Download(second), relative: 0);
        Assert.That(Download(first).Distinct().Count(), Is.GreaterThan(1000));
    }

    [Test]
    public void StepNormalEqualsTheThreePassesBitForBit([ValueSource(nameof(Arenas))] int[] sizes, [Values] Weighting weighting)
    {
        Make(sizes);
        ulong sequence = Streams.Perturbation + (ulong)Random.Next();
        DeviceBuffer<float> weights = Copy(Model.Arena.Weights), direction = Upload<float>(new float[weights.Count]), expected = Poisoned<float>(weights.Count);
        // The frozen weights are there already.
        DeviceBuffer<float> actual = Copy(Model.Arena.Weights);
        DeviceBuffer<double> norm = Poisoned<double>(1), ownNorm = Poisoned<double>(1), radius = Upload(0.3);
        DeviceBuffer<double> partials = Poisoned<double>(3 * Tiles.TileCount), ownPartials = Poisoned<double>(3 * Tiles.RunCount);
        new FillNormal(Library).Launch(Stream, Tiles, direction, 5, sequence);
        new SquaredNorm(Library).Launch(Stream, Tiles, norm, partials, direction, weights, weighting);
        new StepAlong(Library).Launch(Stream, Tiles, expected, weights, direction, weighting, norm, radius, -1);
        var step = new StepNormal(Library);
        step.LaunchSquaredNorm(Stream, Tiles, ownNorm, ownPartials, weights, weighting, 5, sequence);
        step.Launch(Stream, Tiles, actual, weights, weighting, norm, radius, -1, 5, sequence);
        // Runs are other parts than tiles, so that the norm is added up in another order.
        AssertClose(Download(ownNorm), Download(norm), relative: 1e-14);
        AssertClose(Download(actual), Download(expected), relative: 0);
    }

    [Test]
    public void NoDirectionIsStored([Values(1, 3)] int tiles)
    {
        Make([tiles * MultiTensorLayout.TileLength]);
        DeviceBuffer<float> w = Copy(Model.Arena.Weights), y = Poisoned<float>(w.Count);
        DeviceBuffer<double> norm = Poisoned<double>(1), partials = Poisoned<double>(3 * Tiles.RunCount), radius = Upload(0.3);
        var step = new StepNormal(Library);
        step.LaunchSquaredNorm(Stream, Tiles, norm, partials, w, Weighting.None, 5, 6);
        step.Launch(Stream, Tiles, y, w, Weighting.None, norm, radius, 1, 5, 6);
        new FillNormal(Library).Launch(Stream, Tiles, y, 1, 2);
        // Each warp reads its run (24) and, for the step, norm and radius.
        AssertTraffic("step_normal_squared_norm", loaded: (tiles * Warps * 24) + (8 * tiles), stored: (8 * tiles) + 8);
        AssertTraffic("step_normal", loaded: (4 * w.Count) + (tiles * Warps * (24 + 16)), stored: 4 * w.Count);
        AssertTraffic("fill_normal", loaded: tiles * Warps * 24, stored: 4 * w.Count);
        foreach (string kernel in new[] { "step_normal_squared_norm", "step_normal", "fill_normal" })
            Assert.That(CountersOf(kernel)?.BankConflicts ?? 0, Is.Zero, kernel);
    }
}
