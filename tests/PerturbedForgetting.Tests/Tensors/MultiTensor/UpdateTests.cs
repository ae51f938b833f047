using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.MultiTensor;

[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class UpdateTests(string device) : DeviceFixture(device)
{
    const double Decay = 0.3;

    [Test]
    public void StepAlongEqualsItsFormula([Values] Weighting weighting)
    {
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var model = new ArenaModel(type, 4);
            var (d, y) = (model.NewBuffer(), model.Arena.NewBuffer());
            using var norm = Persistent([1], DType.Float64).Fill(2.5);
            using var radius = Persistent([1], DType.Float64).Fill(0.7);
            using var finite = Persistent([1], DType.Float64).Fill(1);
            MultiTensorOps.StepAlong(model.Layout, d, weighting, norm, radius, -1, y, finite);
            Assert.That(finite.Item(), Is.EqualTo(1));
            var (trained, padding, _) = model.Map();
            var (ws, ds, ys) = (ArenaModel.Read(model.Arena.Weights), ArenaModel.Read(d), ArenaModel.Read(y));
            double[] expected = [.. ws.Select((w, i) => trained[i]
                ? w - (0.7 / (Math.Sqrt(2.5) + 1e-12) * Math.Pow(Math.Abs(w), (int)weighting) * ds[i])
                : w)];
            Assert.That(Deviation.Max(ys, expected), Is.LessThanOrEqualTo(type == DType.Float32 ? 2e-7 : 1e-15));
            Assert.That(ys.Where((y, i) => !trained[i] && y != ws[i]), Is.Empty, "frozen");
            Assert.That(ys.Where((v, i) => padding[i] && v != 0), Is.Empty);
        }
    }

    [Test]
    public void AZeroDirectionLeavesTheWeightsBitForBit()
    {
        using var model = new ArenaModel(DType.Float32, 4);
        var (d, y) = (model.Arena.NewBuffer(), model.Arena.NewBuffer());
        using var norm = Persistent([1], DType.Float64).Fill(0);
        using var radius = Persistent([1], DType.Float64).Fill(0.5);
        MultiTensorOps.StepAlong(model.Layout, d, Weighting.Magnitude, norm, radius, 1, y);
        Assert.That(y.ToArray<float>(), Is.EqualTo(model.Arena.Weights.ToArray<float>()));
    }

    [Test]
    public void SgdEqualsItsFormula([Values] bool decoupled, [Values(0.0, 0.9)] double momentum, [Values] bool direction)
    {
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var model = new ArenaModel(type, 6, decay: Decay);
            using var run = new UpdateRun(model, direction);
            double[] w = ArenaModel.Read(model.Arena.Weights), v = new double[w.Length];
            var buffer = momentum > 0 ? model.Arena.NewBuffer() : null;
            var (trained, _, decay) = model.Map(Decay);
            for (int step = 0; step < 3; step++)
            {
                var (gradient, g) = run.Next(w, 0.1 / (step + 1));
                MultiTensorOps.SgdUpdate(model.Layout, gradient, buffer, new(momentum, decoupled), run.Control);
                for (int i = 0; i < w.Length; i++)
                {
                    if (!trained[i])
                        continue;
                    double shrunk = decoupled ? w[i] * (1 - (run.Rate * decay[i])) : w[i];
                    v[i] = (momentum * v[i]) + g[i] + (decoupled ? 0 : decay[i] * w[i]);
                    w[i] = shrunk - (run.Rate * v[i]);
                }
            }
            double tolerance = type == DType.Float32 ? 1e-6 : 1e-14;
            Assert.That(Deviation.Max(ArenaModel.Read(model.Arena.Weights), w), Is.LessThanOrEqualTo(tolerance));
            if (buffer is not null)
                Assert.That(Deviation.Max(ArenaModel.Read(buffer), v), Is.LessThanOrEqualTo(tolerance));
        }
    }

    [Test]
    public void AdamEqualsItsFormula([Values] bool decoupled, [Values] bool direction)
    {
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var model = new ArenaModel(type, 7, decay: Decay);
            using var run = new UpdateRun(model, direction);
            double[] w = ArenaModel.Read(model.Arena.Weights), m = new double[w.Length], v = new double[w.Length];
            var (first, second) = (model.Arena.NewBuffer(), model.Arena.NewBuffer());
            var (trained, _, decay) = model.Map(Decay);
            const double B1 = 0.8, B2 = 0.95, Eps = 1e-3;
            for (int step = 1; step <= 3; step++)
            {
                var (gradient, g) = run.Next(w, 0.01 / step);
                MultiTensorOps.AdamUpdate(model.Layout, gradient, first, second, new(B1, B2, Eps, decoupled), run.Control);
                for (int i = 0; i < w.Length; i++)
                {
                    if (!trained[i])
                        continue;
                    double shrunk = decoupled ? w[i] * (1 - (run.Rate * decay[i])) : w[i];
                    double full = g[i] + (decoupled ? 0 : decay[i] * w[i]);
                    m[i] = (B1 * m[i]) + ((1 - B1) * full);
                    v[i] = (B2 * v[i]) + ((1 - B2) * full * full);
                    w[i] = shrunk - (run.Rate / (1 - Math.Pow(B1, step)) * m[i]
                        / ((Math.Sqrt(v[i]) / Math.Sqrt(1 - Math.Pow(B2, step))) + Eps));
                }
            }
            double tolerance = type == DType.Float32 ? 2e-6 : 1e-14;
            Assert.That(Deviation.Max(ArenaModel.Read(model.Arena.Weights), w), Is.LessThanOrEqualTo(tolerance));
            Assert.That(Deviation.Max(ArenaModel.Read(first), m), Is.LessThanOrEqualTo(tolerance));
            Assert.That(Deviation.Max(ArenaModel.Read(second), v), Is.LessThanOrEqualTo(tolerance));
        }
    }

    [Test]
    public void ASkippedUpdateChangesNoBit()
    {
        using var model = new ArenaModel(DType.Float32, 9, decay: Decay);
        var (g, m, v) = (model.NewBuffer(), model.NewBuffer(), model.NewBuffer());
        float[][] before = [model.Arena.Weights.ToArray<float>(), m.ToArray<float>(), v.ToArray<float>()];
        using var control = new UpdateControl(Device);
        using var norm = Persistent([1], DType.Float64).Fill(double.NaN);
        using var flag = Persistent([1], DType.Float64).Fill(1);
        control.LearningRate.Fill(0.1);
        MultiTensorOps.BeginUpdate(norm, flag, 0, control);
        MultiTensorOps.SgdUpdate(model.Layout, new(g), m, new(0.9, true), control);
        MultiTensorOps.AdamUpdate(model.Layout, new(g), m, v, new(0.9, 0.999, 1e-8, true), control);
        Assert.That(model.Arena.Weights.ToArray<float>(), Is.EqualTo(before[0]));
        Assert.That(m.ToArray<float>(), Is.EqualTo(before[1]));
        Assert.That(v.ToArray<float>(), Is.EqualTo(before[2]));
    }

    [Test]
    public void CombineAccumulates()
    {
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var model = new ArenaModel(type, 12);
            var (x, y) = (model.NewBuffer(), model.NewBuffer());
            var (xs, ys, trained) = (ArenaModel.Read(x), ArenaModel.Read(y), model.Map().Trained);
            MultiTensorOps.Combine(model.Layout, new(x), 0.25, accumulate: true, y);
            double[] expected = [.. ys.Select((v, i) => trained[i] ? v + (0.25 * xs[i]) : v)];
            Assert.That(Deviation.Max(ArenaModel.Read(y), expected), Is.LessThanOrEqualTo(type == DType.Float32 ? 2e-7 : 1e-15));
        }
    }

    [Test]
    public void NormalNumbersAreThoseOfTheStreamAndSpareFrozenPartsAndPadding()
    {
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var model = new ArenaModel(type, 13);
            var y = model.Arena.NewBuffer();
            MultiTensorOps.FillNormal(model.Layout, y, 7, Streams.Perturbation | 5);
            var philox = new Philox(7, Streams.Perturbation | 5);
            ulong start = 0;
            foreach (var segment in model.Arena.Segments)
            {
                float[] expected = new float[segment.Count];
                if (segment.Parameter.IsTrainable)
                    philox.Normals(start, expected);
                start += (ulong)(expected.Length + 3) / 4 * 4;
                Assert.That(ArenaModel.Read(ParameterArena.Slice(y, segment)),
                    Is.EqualTo(Array.ConvertAll(expected, static v => (double)v)));
            }
            var padding = model.Map().Padding;
            Assert.That(ArenaModel.Read(y).Where((v, i) => padding[i] && v != 0), Is.Empty);
        }
    }

    [Test]
    public void LerpMixesAndTruncatesIntegers()
    {
        using var model = new ArenaModel(DType.Float32, 14);
        var (y, target) = (model.NewBuffer(), model.NewBuffer());
        var (ys, ts, trained) = (ArenaModel.Read(y), ArenaModel.Read(target), model.Map().Trained);
        using var factor = Persistent([1], DType.Float64).Fill(0.01);
        MultiTensorOps.Lerp(model.Layout, y, target, factor);
        double[] expected = [.. ys.Select((v, i) => trained[i] ? (0.01 * ts[i]) + (0.99 * v) : v)];
        Assert.That(Deviation.Max(ArenaModel.Read(y), expected), Is.LessThanOrEqualTo(1e-7));

        using var counter = Persistent([2], DType.Int64).CopyFrom<long>([3, 100]);
        using var zero = Persistent([2], DType.Int64).Fill(0);
        MultiTensorOps.Lerp(counter, zero, factor);
        Assert.That(counter.ToArray<long>(), Is.EqualTo(new long[] { 2, 99 }));
    }

    [Test]
    public void BuffersOfAnotherLayoutAreRefused()
    {
        using var model = new ArenaModel(DType.Float32, 1);
        using var other = new ArenaModel(DType.Float32, 1, [5]);
        using var norm = Persistent([1], DType.Float64);
        using var wrong = Persistent([2], DType.Float64);
        Assert.That(() => MultiTensorOps.SquaredNorm(model.Layout, other.Arena.Weights, Weighting.None, norm), Throws.ArgumentException);
        Assert.That(() => MultiTensorOps.SquaredNorm(model.Layout, model.Arena.Weights, Weighting.None, wrong), Throws.ArgumentException);
        Assert.That(() => MultiTensorOps.Combine(model.Layout, new(model.Arena.Weights, model.Arena.Weights), 1, false,
            model.Arena.Gradients), Throws.ArgumentException);
    }
}
