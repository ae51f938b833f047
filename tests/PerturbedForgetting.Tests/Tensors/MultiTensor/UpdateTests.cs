using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cpu.Compute;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Random;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.MultiTensor;

[TestFixture]
sealed class UpdateTests
{
    const double Decay = 0.3;

    [Test]
    public void StepAlongEqualsItsFormula([Values] bool single, [Values] Weighting weighting)
    {
        using var model = new ArenaModel(single ? DType.Float32 : DType.Float64, 4);
        var (d, y) = (model.NewBuffer(), model.Arena.NewBuffer());
        using var norm = Tensor.Persistent([1], DType.Float64).Fill(2.5);
        using var radius = Tensor.Persistent([1], DType.Float64).Fill(0.7);
        MultiTensorOps.StepAlong(model.Layout, d, weighting, norm, radius, -1, y);
        var (trained, padding, _) = model.Map();
        var (ws, ds, ys) = (ArenaModel.Read(model.Arena.Weights), ArenaModel.Read(d), ArenaModel.Read(y));
        double[] expected = [.. ws.Select((w, i) => trained[i] ? w - (0.7 / (Math.Sqrt(2.5) + 1e-12) * Math.Pow(Math.Abs(w), (int)weighting) * ds[i]) : w)];
        Assert.That(Deviation.Max(ys, expected), Is.LessThanOrEqualTo(single ? 2e-7 : 1e-15));
        Assert.That(ys.Where((y, i) => !trained[i] && y != ws[i]), Is.Empty, "frozen");
        Assert.That(ys.Where((v, i) => padding[i] && v != 0), Is.Empty);
    }

    [Test]
    public void AZeroDirectionLeavesTheWeightsBitForBit()
    {
        using var model = new ArenaModel(DType.Float32, 4);
        var (d, y) = (model.Arena.NewBuffer(), model.Arena.NewBuffer());
        using var norm = Tensor.Persistent([1], DType.Float64).Fill(0);
        using var radius = Tensor.Persistent([1], DType.Float64).Fill(0.5);
        MultiTensorOps.StepAlong(model.Layout, d, Weighting.Magnitude, norm, radius, 1, y);
        Assert.That(y.ToArray<float>(), Is.EqualTo(model.Arena.Weights.ToArray<float>()));
    }

    [Test]
    public void SgdEqualsItsFormula([Values] bool single, [Values] bool decoupled, [Values(0.0, 0.9)] double momentum, [Values] bool direction)
    {
        using var model = new ArenaModel(single ? DType.Float32 : DType.Float64, 6, decay: Decay);
        using var run = new Run(model, direction);
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
        double tolerance = single ? 1e-6 : 1e-14;
        Assert.That(Deviation.Max(ArenaModel.Read(model.Arena.Weights), w), Is.LessThanOrEqualTo(tolerance));
        if (buffer is not null)
            Assert.That(Deviation.Max(ArenaModel.Read(buffer), v), Is.LessThanOrEqualTo(tolerance));
    }

    [Test]
    public void AdamEqualsItsFormula([Values] bool single, [Values] bool decoupled, [Values] bool direction)
    {
        using var model = new ArenaModel(single ? DType.Float32 : DType.Float64, 7, decay: Decay);
        using var run = new Run(model, direction);
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
                w[i] = shrunk - (run.Rate / (1 - Math.Pow(B1, step)) * m[i] / ((Math.Sqrt(v[i]) / Math.Sqrt(1 - Math.Pow(B2, step))) + Eps));
            }
        }
        double tolerance = single ? 2e-6 : 1e-14;
        Assert.That(Deviation.Max(ArenaModel.Read(model.Arena.Weights), w), Is.LessThanOrEqualTo(tolerance));
        Assert.That(Deviation.Max(ArenaModel.Read(first), m), Is.LessThanOrEqualTo(tolerance));
        Assert.That(Deviation.Max(ArenaModel.Read(second), v), Is.LessThanOrEqualTo(tolerance));
    }

    [Test]
    public void ASkippedUpdateChangesNoBit()
    {
        using var model = new ArenaModel(DType.Float32, 9, decay: Decay);
        var (g, m, v) = (model.NewBuffer(), model.NewBuffer(), model.NewBuffer());
        float[][] before = [model.Arena.Weights.ToArray<float>(), m.ToArray<float>(), v.ToArray<float>()];
        using var control = new UpdateControl(Device.Cpu);
        using var norm = Tensor.Persistent([1], DType.Float64).Fill(double.NaN);
        using var flag = Tensor.Persistent([1], DType.Float64).Fill(1);
        control.LearningRate.Fill(0.1);
        MultiTensorOps.BeginUpdate(norm, flag, 0, control);
        MultiTensorOps.SgdUpdate(model.Layout, new(g), m, new(0.9, true), control);
        MultiTensorOps.AdamUpdate(model.Layout, new(g), m, v, new(0.9, 0.999, 1e-8, true), control);
        Assert.That(model.Arena.Weights.ToArray<float>(), Is.EqualTo(before[0]));
        Assert.That(m.ToArray<float>(), Is.EqualTo(before[1]));
        Assert.That(v.ToArray<float>(), Is.EqualTo(before[2]));
    }

    [Test]
    public void UpdatesDoNotDependOnTheNumberOfThreads()
    {
        int threads = WorkerPool.Threads;
        try
        {
            var results = new List<float[]>();
            foreach (int n in new[] { 1, 2, 5 })
            {
                WorkerPool.Threads = n;
                using var model = new ArenaModel(DType.Float32, 11, [300_001, 17, 200_000], decay: Decay);
                using var run = new Run(model, direction: true);
                var (first, second) = (model.Arena.NewBuffer(), model.Arena.NewBuffer());
                var (gradient, _) = run.Next(ArenaModel.Read(model.Arena.Weights), 0.01);
                MultiTensorOps.AdamUpdate(model.Layout, gradient, first, second, new(0.9, 0.999, 1e-8, true), run.Control);
                MultiTensorOps.FillNormal(model.Layout, first, 3, 4);
                results.Add([.. model.Arena.Weights.ToArray<float>(), .. first.ToArray<float>()]);
            }
            Assert.That(results[1], Is.EqualTo(results[0]));
            Assert.That(results[2], Is.EqualTo(results[0]));
        }
        finally
        {
            WorkerPool.Threads = threads;
        }
    }

    [Test]
    public void CombineAccumulates([Values] bool single)
    {
        using var model = new ArenaModel(single ? DType.Float32 : DType.Float64, 12);
        var (x, y) = (model.NewBuffer(), model.NewBuffer());
        var (xs, ys, trained) = (ArenaModel.Read(x), ArenaModel.Read(y), model.Map().Trained);
        MultiTensorOps.Combine(model.Layout, new(x), 0.25, accumulate: true, y);
        double[] expected = [.. ys.Select((v, i) => trained[i] ? v + (0.25 * xs[i]) : v)];
        Assert.That(Deviation.Max(ArenaModel.Read(y), expected), Is.LessThanOrEqualTo(single ? 2e-7 : 1e-15));
    }

    [Test]
    public void NormalNumbersAreThoseOfTheStreamAndSpareFrozenPartsAndPadding()
    {
        using var model = new ArenaModel(DType.Float32, 13);
        using var wide = new ArenaModel(DType.Float64, 13);
        var (y, z) = (model.Arena.NewBuffer(), wide.Arena.NewBuffer());
        MultiTensorOps.FillNormal(model.Layout, y, 7, Streams.Perturbation | 5);
        MultiTensorOps.FillNormal(wide.Layout, z, 7, Streams.Perturbation | 5);
        var philox = new Philox(7, Streams.Perturbation | 5);
        ulong start = 0;
        foreach (var (narrow, segment) in model.Arena.Segments.Zip(wide.Arena.Segments))
        {
            float[] values = ParameterArena.Slice(y, narrow).ToArray<float>();
            float[] expected = new float[values.Length];
            if (narrow.Parameter.IsTrainable)
                philox.Normals(start, expected);
            start += (ulong)(values.Length + 3) / 4 * 4;
            Assert.That(values, Is.EqualTo(expected));
            Assert.That(ParameterArena.Slice(z, segment).ToArray<double>(), Is.EqualTo(Array.ConvertAll(expected, static v => (double)v)));
        }
        var padding = model.Map().Padding;
        Assert.That(y.ToArray<float>().Where((v, i) => padding[i] && v != 0), Is.Empty);
    }

    [Test]
    public void LerpMixesAndTruncatesIntegers()
    {
        using var model = new ArenaModel(DType.Float32, 14);
        var (y, target) = (model.NewBuffer(), model.NewBuffer());
        var (ys, ts, trained) = (ArenaModel.Read(y), ArenaModel.Read(target), model.Map().Trained);
        using var factor = Tensor.Persistent([1], DType.Float64).Fill(0.01);
        MultiTensorOps.Lerp(model.Layout, y, target, factor);
        double[] expected = [.. ys.Select((v, i) => trained[i] ? (0.01 * ts[i]) + (0.99 * v) : v)];
        Assert.That(Deviation.Max(ArenaModel.Read(y), expected), Is.LessThanOrEqualTo(1e-7));

        using var counter = Tensor.Persistent([2], DType.Int64).CopyFrom<long>([3, 100]);
        using var zero = Tensor.Persistent([2], DType.Int64).Fill(0);
        MultiTensorOps.Lerp(counter, zero, factor);
        Assert.That(counter.ToArray<long>(), Is.EqualTo(new long[] { 2, 99 }));
    }

    [Test]
    public void BuffersOfAnotherLayoutAreRefused()
    {
        using var model = new ArenaModel(DType.Float32, 1);
        using var other = new ArenaModel(DType.Float32, 1, [5]);
        using var norm = Tensor.Persistent([1], DType.Float64);
        using var wrong = Tensor.Persistent([2], DType.Float64);
        Assert.That(() => MultiTensorOps.SquaredNorm(model.Layout, other.Arena.Weights, Weighting.None, norm), Throws.ArgumentException);
        Assert.That(() => MultiTensorOps.SquaredNorm(model.Layout, model.Arena.Weights, Weighting.None, wrong), Throws.ArgumentException);
        Assert.That(() => MultiTensorOps.Combine(model.Layout, new(model.Arena.Weights, model.Arena.Weights), 1, false, model.Arena.Gradients), Throws.ArgumentException);
    }

    /// <summary>Fresh gradients, clipped to a norm of 2, one buffer or the combination of two.</summary>
    sealed class Run(ArenaModel model, bool direction) : IDisposable
    {
        readonly Tensor coefficients = Tensor.Persistent([2], DType.Float64).CopyFrom<double>([0.8, -0.3]);
        readonly Tensor norm = Tensor.Persistent([1], DType.Float64);
        readonly Tensor flag = Tensor.Persistent([1], DType.Float64).Fill(1);

        public UpdateControl Control { get; } = new(Device.Cpu);

        public double Rate { get; private set; }

        public (UpdateGradient Gradient, double[] Clipped) Next(double[] weights, double rate)
        {
            const double Limit = 2;
            Control.LearningRate.Fill(Rate = rate);
            var x = model.NewBuffer();
            var z = direction ? model.NewBuffer() : null;
            double[] g = ArenaModel.Read(x);
            if (z is not null)
            {
                double[] d = ArenaModel.Read(z);
                g = [.. g.Select((v, i) => (0.8 * v) - (0.3 * Math.Abs(weights[i]) * d[i]))];
            }
            var trained = model.Map().Trained;
            double squared = g.Where((_, i) => trained[i]).Sum(static v => v * v);
            norm.Fill(squared);
            MultiTensorOps.BeginUpdate(norm, flag, Limit, Control);
            double scale = Math.Min(1, Limit / (Math.Sqrt(squared) + 1e-6));
            Assert.That(Control.Scale.Item(), Is.EqualTo(scale));
            var gradient = z is null ? new UpdateGradient(x) : new UpdateGradient(x, z, Weighting.Magnitude, coefficients);
            return (gradient, [.. g.Select(v => v * scale)]);
        }

        public void Dispose()
        {
            Control.Dispose();
            coefficients.Dispose();
            norm.Dispose();
            flag.Dispose();
        }
    }
}
