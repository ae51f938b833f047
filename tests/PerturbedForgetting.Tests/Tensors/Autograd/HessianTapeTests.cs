using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tests.Vision.Models;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Tensors.Autograd;

/// <summary>Graphs that are kept for more products.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class HessianTapeTests(string device) : DeviceFixture(device)
{
    /// <summary>A residual network with a bottleneck, one with a deep stem, and a transformer; all where all are asked for.</summary>
    static readonly int[] chosen = [2, 6, 8];

    static IEnumerable<TestCaseData> Models => TinyImageModels.All()
        .Where(static (_, i) => EnvironmentVariables.AllTests.Value == "1" || chosen.Contains(i));

    /// <summary>Products come out as without, bit for bit, however often; and all memory goes back.</summary>
    [TestCaseSource(nameof(Models))]
    public void ProductsHaveTheSameBits(Func<ImageModel> make)
    {
        using var check = ModelHessianTests.Make(make, DType.Float32, Device);
        double[] u = check.Direction(5), v = check.Direction(500);
        double[][] expected = check.Multiply(u, v);
        check.FreeBuffers();
        long before = Device.Memory.Live;
        using (var tape = HessianTape.Record(check.Loss))
        {
            Assert.That(check.Multiply(tape, u, v), Is.EqualTo(expected));
            // Steps of other models in between.
            using (Scope.Begin())
                check.Loss().Backward();
            Assert.That(check.Multiply(tape, v)[0], Is.EqualTo(expected[1]), "the same again, alone");
            Assert.That(check.Multiply(u, v), Is.EqualTo(expected), "without it");
            Assert.That(check.Multiply(tape, u)[0], Is.EqualTo(expected[0]));
        }
        check.FreeBuffers();
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
    }

    /// <summary>A tape that is made in the scope of a step outlives it, and one of no use leaves nothing behind.</summary>
    [Test]
    public void ScopesAroundDoNotMatter()
    {
        using var check = ModelHessianTests.Make((Func<ImageModel>)TinyImageModels.All().ElementAt(8).Arguments[0]!, DType.Float32, Device);
        double[] v = check.Direction(5), expected = check.Multiply(v)[0];
        HessianTape tape;
        using (Scope.Begin())
        {
            check.Loss().Backward();
            tape = HessianTape.Record(check.Loss);
        }
        using (Scope.Begin())
            check.Loss().Backward();
        Assert.That(check.Multiply(tape, v)[0], Is.EqualTo(expected));
        tape.Dispose();
        tape.Dispose();
        Assert.That(() => check.Multiply(tape, v), Throws.TypeOf<ObjectDisposedException>());
        long before = Device.Memory.Live;
        Assert.That(() => HessianTape.Record(() => Tensor.Zeros([1], device: Device)),
            Throws.InvalidOperationException.With.Message.Contain("no trainable parameter"));
        Assert.That(() => HessianTape.Record(() => check.Loss() is var _ ? throw new InvalidDataException() : null!),
            Throws.TypeOf<InvalidDataException>());
        Assert.That(Device.Memory.Live, Is.EqualTo(before));
        Assert.That(check.Multiply(v)[0], Is.EqualTo(expected));
    }
}
