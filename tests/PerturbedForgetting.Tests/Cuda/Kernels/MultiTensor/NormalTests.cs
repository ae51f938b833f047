using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Random;

namespace PerturbedForgetting.Tests.Cuda.Kernels.MultiTensor;

/// <summary>Random directions.</summary>
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
            Tensor result = Input(before);
            Backend.FillNormal(Layout, result, new(seed, sequence));
            return result.ToArray<float>();
        });
        // Made in float64 and rounded once: another logarithm, sine and cosine may change the last bit, next to never.
        AssertClose(actual, y.ToArray<float>(), relative: 1.2e-7);
        Assert.That(actual.Zip(y.ToArray<float>()).Count(static p => p.First != p.Second),
            Is.LessThanOrEqualTo(1 + (actual.Length / 100_000)));
    }

    [Test]
    public void TheCallCountsOnTheDevice()
    {
        Make([1025]);
        Tensor first = Input(new float[Model.Arena.Count]), second = Input(new float[Model.Arena.Count]);
        Backend.FillNormal(Layout, first, new(7, Streams.Perturbation, Input([42L])));
        Backend.FillNormal(Layout, second, new(7, Streams.Perturbation + 42));
        AssertClose(first, second, relative: 0);
        Assert.That(first.ToArray<float>().Distinct().Count(), Is.GreaterThan(1000));
    }

    [Test]
    public void NothingIsReadButTheRun([Values(1, 3)] int tiles)
    {
        Make([tiles * MultiTensorLayout.TileLength]);
        Tensor y = Output((int)Model.Arena.Count);
        Backend.FillNormal(Layout, y, new(1, 2));
        AssertTraffic("fill_normal", loaded: tiles * Warps * 24, stored: 4 * y.Count);
        Assert.That(CountersOf("fill_normal")?.BankConflicts ?? 0, Is.Zero);
    }
}
