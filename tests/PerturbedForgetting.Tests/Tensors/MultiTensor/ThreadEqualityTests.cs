using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tests.Tensors.MultiTensor;

/// <summary>Whole-model passes have the same bits for any number of threads of the CPU.</summary>
[TestFixture]
sealed class ThreadEqualityTests : ThreadsFixture
{
    [Test]
    public void SumsAreTheSame()
    {
        using var model = new ArenaModel(DType.Float32, 5, [300_001, 17, 200_000, 64, 99_999]);
        var (x, z) = (model.NewBuffer(), model.NewBuffer());
        using var products = Tensor.Persistent([3], DType.Float64);
        WorkerPool.Threads = 1;
        MultiTensorOps.Products(model.Layout, x, z, Weighting.Magnitude, products);
        double[] one = products.ToArray<double>();
        foreach (int n in new[] { 2, 3, 7 })
        {
            WorkerPool.Threads = n;
            MultiTensorOps.Products(model.Layout, x, z, Weighting.Magnitude, products);
            Assert.That(products.ToArray<double>(), Is.EqualTo(one), $"{n} threads");
        }
    }

    [Test]
    public void UpdatesAreTheSame()
    {
        var results = new List<float[]>();
        foreach (int n in new[] { 1, 2, 5 })
        {
            WorkerPool.Threads = n;
            using var model = new ArenaModel(DType.Float32, 11, [300_001, 17, 200_000], decay: 0.3);
            using var run = new UpdateRun(model, direction: true);
            var (first, second) = (model.Arena.NewBuffer(), model.Arena.NewBuffer());
            var (gradient, _) = run.Next(ArenaModel.Read(model.Arena.Weights), 0.01);
            MultiTensorOps.AdamUpdate(model.Layout, gradient, first, second, new(0.9, 0.999, 1e-8, true), run.Control);
            MultiTensorOps.FillNormal(model.Layout, first, 3, 4);
            results.Add([.. model.Arena.Weights.ToArray<float>(), .. first.ToArray<float>()]);
        }
        Assert.That(results[1], Is.EqualTo(results[0]));
        Assert.That(results[2], Is.EqualTo(results[0]));
    }
}
