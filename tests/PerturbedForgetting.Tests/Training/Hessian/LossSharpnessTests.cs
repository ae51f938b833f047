using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Hessian;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>Sharpness of the tiny model against its own formula, restated in float64 on arrays.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class LossSharpnessTests(string device) : DeviceFixture(device)
{
    const int Samples = 40, Inputs = 10, Hidden = 16, Classes = 5;

    static readonly ReferenceHessian reference = ReferenceHessian.All.Single(static c => c.Id == "hessian.mlp.init.ce");

    static readonly float[] x = ReferenceData.Float32("hessian.safetensors", "mlp/x").Data;

    static readonly long[] labels = ReferenceData.Int64("hessian.safetensors", "mlp/y").Data;

    [Test]
    public void LossAndGradientAreTheReferences()
    {
        using var run = reference.Load(DType.Float32, batchSize: 17);
        using var space = new VectorSpace(run.Layout);
        using var sharpness = new LossSharpness(run.Model, space, reference.Loss, run);
        Tensor gradient = space.Rent();
        double loss = sharpness.Gradient(gradient, default);
        float[] stored = run.Stored("gradient");
        Assert.Multiple(() =>
        {
            Assert.That(loss, Is.EqualTo(reference.Number("loss")).Within(1e-6));
            Assert.That(sharpness.MeanLoss(run.Arena.Weights, default), Is.EqualTo(loss).Within(1e-12), "the same passes");
            Assert.That(space.Norm(gradient), Is.EqualTo(reference.Number("gradient_norm")).Within(1e-6 * 2.2));
            Assert.That(run.Values(gradient), Is.EqualTo(stored).Within(2e-6f * stored.Max(Math.Abs)));
            Assert.That(sharpness.LossAlong(space.Rent().Fill(0), 1, default), Is.EqualTo(loss).Within(1e-12), "no direction, no step");
        });
    }

    /// <summary>Of the whole, and of groups that divide a batch and that do not.</summary>
    [Test]
    public void TheIncreaseIsTheFormulas([Values(0.01, 0.5)] double rho)
    {
        using var run = reference.Load(DType.Float32, batchSize: 20);
        float[] before = run.Arena.Weights.ToArray<float>();
        using var space = new VectorSpace(run.Layout);
        using var sharpness = new LossSharpness(run.Model, space, reference.Loss, run);
        double[] weights = [.. run.Values(run.Arena.Weights).Select(static w => (double)w)];
        Tensor gradient = space.Rent();
        double loss = sharpness.Gradient(gradient, default);
        Assert.Multiple(() =>
        {
            // Differences of losses near 3 in float32.
            Assert.That(sharpness.LossAlong(gradient, rho, default) - loss, Is.EqualTo(Increase(weights, 0, Samples, rho)).Within(2e-6));
            foreach (int m in (int[])[20, 5, 8])
            {
                // Within each batch of 20: the last group may be smaller.
                double sum = 0;
                int groups = 0;
                for (int batch = 0; batch < Samples; batch += 20)
                    for (int first = 0; first < 20; first += m, groups++)
                        sum += Math.Min(m, 20 - first) * Increase(weights, batch + first, Math.Min(m, 20 - first), rho);
                var (increase, count) = sharpness.OfGroups(m, rho, default);
                Assert.That(increase, Is.EqualTo(sum / Samples).Within(2e-6), $"m {m}");
                Assert.That(count, Is.EqualTo(groups));
            }
            Assert.That(run.Arena.Weights.ToArray<float>(), Is.EqualTo(before), "the weights stay");
            Assert.That(run.Model.Training, Is.True);
        });
    }

    /// <summary>Buffers of the arena, and all else, go back before the arena does.</summary>
    [Test]
    public void MemoryGoesBack()
    {
        using var run = reference.Load(DType.Float32);
        long before = Device.Memory.Live;
        for (int i = 0; i < 2; i++)
        {
            using (var space = new VectorSpace(run.Layout))
            using (var sharpness = new LossSharpness(run.Model, space, reference.Loss, run))
            {
                sharpness.Gradient(space.Rent(), default);
                sharpness.OfGroups(5, 0.1, default);
                Assert.That(Device.Memory.Live, Is.GreaterThan(before));
            }
            Assert.That(Device.Memory.Live, Is.EqualTo(before));
        }
    }

    static double Increase(double[] weights, int first, int count, double rho)
    {
        const double h = 1e-5;
        var gradient = new double[weights.Length];
        for (int i = 0; i < weights.Length; i++)
        {
            double[] moved = [.. weights];
            moved[i] += h;
            double up = Loss(moved, first, count);
            moved[i] -= 2 * h;
            gradient[i] = (up - Loss(moved, first, count)) / (2 * h);
        }
        double norm = Math.Sqrt(gradient.Sum(static g => g * g));
        return Loss([.. weights.Zip(gradient, (w, g) => w + (rho * g / norm))], first, count) - Loss(weights, first, count);
    }

    /// <summary>Mean cross entropy of linear, ReLU, linear; the weights one after the other.</summary>
    static double Loss(double[] w, int first, int count)
    {
        double sum = 0;
        for (int s = first; s < first + count; s++)
        {
            var hidden = new double[Hidden];
            for (int j = 0; j < Hidden; j++)
            {
                double a = w[(Hidden * Inputs) + j];
                for (int k = 0; k < Inputs; k++)
                    a += w[(j * Inputs) + k] * x[(s * Inputs) + k];
                hidden[j] = Math.Max(0, a);
            }
            int second = Hidden * (Inputs + 1);
            double[] logits = [.. Enumerable.Range(0, Classes).Select(c => w[second + (Classes * Hidden) + c]
                + Enumerable.Range(0, Hidden).Sum(j => w[second + (c * Hidden) + j] * hidden[j]))];
            sum += Math.Log(logits.Sum(Math.Exp)) - logits[labels[s]];
        }
        return sum / count;
    }
}
