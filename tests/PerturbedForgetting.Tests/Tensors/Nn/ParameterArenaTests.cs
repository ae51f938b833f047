using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tests.Tensors.MultiTensor;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Tensors.Nn;

/// <summary>Buffers of an arena can go before it does.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ParameterArenaTests(string device) : DeviceFixture(device)
{
    [Test]
    public void AFreedBufferIsGivenBackOnce()
    {
        using var model = new ArenaModel(DType.Float32, seed: 1);
        long before = Device.Memory.Live;
        var buffer = model.Arena.NewBuffer();
        Assert.That(Device.Memory.Live, Is.GreaterThanOrEqualTo(before + (4 * model.Arena.Count)));
        model.Arena.Free(buffer);
        model.Arena.Free(buffer);
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
    }

    static IEnumerable<PerturbationOptions> Perturbations =>
    [
        new(), new() { Steps = 2 }, new() { IsRandom = true },
        new() { IsAdaptive = true, ScalesBeforeNorm = true, Eta = 0.01, ScaledParameters = AsamParameters.Weight },
    ];

    [TestCaseSource(nameof(Perturbations))]
    public void APerturbationGivesItsBuffersBack(PerturbationOptions options)
    {
        using var model = new ArenaModel(DType.Float32, seed: 1);
        using var numbers = new StepNumbers(Device, dropoutStreams: 0);
        long before = Device.Memory.Live;
        new Perturbation(model, model.Layout, options, static (logits, _) => logits, numbers).Dispose();
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
    }
}
