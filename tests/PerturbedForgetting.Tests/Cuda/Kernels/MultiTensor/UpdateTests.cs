using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tests.Tensors.MultiTensor;

namespace PerturbedForgetting.Tests.Cuda.Kernels.MultiTensor;

/// <summary>Weight updates and the numbers that steer them.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class UpdateTests(string device) : MultiTensorFixture(device)
{
    const double Decay = 0.3;

    [Test]
    public void SgdEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] bool decoupled, [Values(0.0, 0.9)] double momentum,
        [Values] bool direction)
    {
        Make(sizes, Decay);
        var rule = new SgdRule(momentum, decoupled);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(), v = Model.NewBuffer(), coefficients = Numbers(0.8, -0.3);
        UpdateControl control = Own(new UpdateControl(Device.Cpu));
        control.Values.CopyFrom<double>([0.1, 1, 0.7, 5, 0, 2]);
        UpdateGradient g = Gradient(x, z, direction);
        float[] w0 = Model.Arena.Weights.ToArray<float>(), v0 = v.ToArray<float>();
        UpdateControl onDevice = Control(0.1, 1, 0.7, 5, 0, 2);
        float[] actual = Twice<float>(() =>
        {
            Tensor weights = Input(w0), velocity = Input(v0);
            Backend.SgdUpdate(Layout, weights, g, momentum > 0 ? velocity : null, rule, onDevice);
            return [.. weights.ToArray<float>(), .. velocity.ToArray<float>()];
        });
        MultiTensorOps.SgdUpdate(Model.Layout, direction ? new(x, z, Weighting.Magnitude, coefficients) : new(x), momentum > 0 ? v
            : null, rule, control);
        AssertClose(actual, [.. Model.Arena.Weights.ToArray<float>(), .. v.ToArray<float>()], relative: 2.4e-7, absolute: 2.4e-7);
    }

    [Test]
    public void AdamEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] bool decoupled, [Values] bool direction,
        [Values(1, 2, 1000)] int step)
    {
        Make(sizes, Decay);
        var rule = new AdamRule(0.9, 0.999, 1e-3, decoupled);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(), m = Model.NewBuffer(), v = Model.NewBuffer(),
            coefficients = Numbers(0.8, -0.3);
        // An average of squares, not so near 0 that the division blows up what differs in the last bit.
        v.CopyFrom<float>([.. v.ToArray<float>().Select(static a => 0.01f + (a * a))]);
        UpdateControl control = Own(new UpdateControl(Device.Cpu));
        control.Values.CopyFrom<double>([0.01, 1, 0.7, step, 0, 2]);
        UpdateGradient g = Gradient(x, z, direction);
        float[] w0 = Model.Arena.Weights.ToArray<float>(), m0 = m.ToArray<float>(), v0 = v.ToArray<float>();
        UpdateControl onDevice = Control(0.01, 1, 0.7, step, 0, 2);
        float[] actual = Twice<float>(() =>
        {
            Tensor weights = Input(w0), first = Input(m0), second = Input(v0);
            Backend.AdamUpdate(Layout, weights, g, first, second, rule, onDevice);
            return [.. weights.ToArray<float>(), .. first.ToArray<float>(), .. second.ToArray<float>()];
        });
        MultiTensorOps.AdamUpdate(Model.Layout, direction ? new(x, z, Weighting.Magnitude, coefficients) : new(x), m, v, rule, control);
        AssertClose(actual, [.. Model.Arena.Weights.ToArray<float>(), .. m.ToArray<float>(), .. v.ToArray<float>()], relative: 2.4e-7,
            absolute: 2.4e-7);
    }

    [Test]
    public void AdamLeavesAWeightWithoutAGradientAlone()
    {
        Make([1025]);
        float[] zeros = new float[Weights.Count];
        Tensor first = Input(zeros), second = Input(zeros);
        Backend.AdamUpdate(Layout, Weights, new(Input(zeros)), first, second, new(0.9, 0.999, 1e-8, false), Control(0.01, 1, 1, 1, 0, 0));
        AssertClose(Weights, Model.Arena.Weights, relative: 0);
    }

    [Test]
    public void ASkippedUpdateChangesNoBit()
    {
        Make(ArenaModel.AwkwardSizes, Decay);
        float[] v = Model.NewBuffer().ToArray<float>();
        Tensor first = Input(v), second = Input(v), g = Copy(Model.NewBuffer());
        UpdateControl control = Control(0.1, 0, 0, 0, 0, 0);
        Backend.BeginUpdate(OnDevice(double.NaN), OnDevice(1), 0, control);
        Backend.SgdUpdate(Layout, Weights, new(g), first, new(0.9, true), control);
        Backend.AdamUpdate(Layout, Weights, new(g), first, second, new(0.9, 0.99, 1e-8, true), control);
        AssertClose(Weights, Model.Arena.Weights, relative: 0);
        AssertClose(first, v, relative: 0);
        AssertClose(second, v, relative: 0);
    }

    [Test]
    public void UpdatesMoveTheLeastBytes([Values(1, 3)] int tiles, [Values] bool momentum)
    {
        Make([tiles * MultiTensorLayout.TileLength], Decay);
        Tensor m = Copy(Model.NewBuffer()), v = Input(new float[Weights.Count]), g = Copy(Model.NewBuffer());
        UpdateControl control = Control(0.1, 1, 1, 1, 0, 1);
        long count = Weights.Count;
        Backend.SgdUpdate(Layout, Weights, new(g), momentum ? m : null, new(momentum ? 0.9 : 0, true), control);
        // Each warp reads its tile (24) and rate, flag and scale (24).
        AssertTraffic("sgd_update", loaded: ((momentum ? 12 : 8) * count) + (tiles * Warps * 48), stored: (momentum ? 8 : 4) * count);
        Backend.AdamUpdate(Layout, Weights, new(g), m, v, new(0.9, 0.99, 1e-8, true), control);
        // The first thread reads rate and steps besides.
        AssertTraffic("adam_update", loaded: (16 * count) + (tiles * ((Warps * 48) + 16)), stored: 12 * count);
        Assert.That(CountersOf("sgd_update")?.BankConflicts ?? 0, Is.Zero);
        Assert.That(CountersOf("adam_update")?.BankConflicts ?? 0, Is.Zero);
    }

    [Test]
    public void ControlEqualsCpu([Values(0.0, 4.0, 1e-30, 1e300, double.NaN, double.PositiveInfinity)] double squaredNorm,
        [Values(0, 1)] double flag, [Values(-1, 0, 1, 3)] double maxNorm)
    {
        UpdateControl control = Own(new UpdateControl(Device.Cpu));
        control.Values.CopyFrom<double>([0.1, 7, 7, 5, 2, 7]);
        MultiTensorOps.BeginUpdate(Numbers(squaredNorm), Numbers(flag), maxNorm, control);
        UpdateControl actual = Control(0.1, 7, 7, 5, 2, 7);
        Backend.BeginUpdate(OnDevice(squaredNorm), OnDevice(flag), maxNorm, actual);
        AssertClose(actual.Values.ToArray<double>(), control.Values.ToArray<double>(), relative: 0);
    }

    [Test]
    public void CoefficientsEqualCpu([Values] bool normalized, [Values(-1, 1)] int sign, [Values(0, 1, 2)] int kind)
    {
        double xx = kind == 0 ? 0 : Random.NextDouble(), zz = kind == 1 ? 0 : 5 * Random.NextDouble(),
            xz = Math.Sqrt(xx * zz) * ((2 * Random.NextDouble()) - 1);
        Tensor coefficients = Numbers(-1, -1), combined = Numbers(-1);
        MultiTensorOps.OrthogonalCoefficients(Numbers(xx, xz, zz), Numbers(zz), sign, 0.4, normalized, coefficients, combined);
        Tensor actual = Output(DType.Float64, 2), actualNorm = Output(DType.Float64, 1);
        Backend.OrthogonalCoefficients(OnDevice(xx, xz, zz), OnDevice(zz), sign, 0.4, normalized, actual, actualNorm);
        // A direction along the gradient is taken away but for rounding, which the division by a tiny norm may raise.
        AssertClose(actual.ToArray<double>(), coefficients.ToArray<double>(), relative: 1e-14);
        AssertClose(actualNorm.ToArray<double>(), combined.ToArray<double>(), relative: 1e-13, absolute: 1e-15 * (xx + zz));
    }

    [TestCase(1.5f, -1), TestCase(float.NaN, 1), TestCase(float.NegativeInfinity, 1)]
    public void RecordEqualsCpu(float value, double factor)
    {
        Tensor last = Numbers(9), sum = Numbers(0.25);
        using Tensor loss = OnCpu(new[] { value });
        MultiTensorOps.Record(loss, factor, last, sum);
        Tensor actualLast = Output(DType.Float64, 1), actualSum = OnDevice(0.25);
        Backend.Record(Input([value]), factor, actualLast, actualSum);
        AssertClose(actualLast.ToArray<double>(), last.ToArray<double>(), relative: 0);
        AssertClose(actualSum.ToArray<double>(), sum.ToArray<double>(), relative: 0);
    }

    [Test]
    public void AddLossesEqualsCpu([Values] bool keep, [Values(1.5, double.NaN)] double loss,
        [Values(0.25, double.PositiveInfinity)] double perturbLoss, [Values(1, 3)] int chunks)
    {
        double[] before = [.. Enumerable.Range(0, 7).Select(_ => 100 * Random.NextDouble())],
            losses = [loss, 2 * loss, perturbLoss, 5 * perturbLoss];
        Tensor sums = Numbers(before);
        MultiTensorOps.AddLosses(Numbers(losses), chunks, 129, Numbers(keep ? 1 : 0), sums);
        Tensor onDevice = OnDevice(before);
        Backend.AddLosses(OnDevice(losses), chunks, 129, OnDevice(keep ? 1 : 0), onDevice);
        double[] actual = onDevice.ToArray<double>();
        // One rounding less: product and sum are one instruction.
        AssertClose(actual, sums.ToArray<double>(), relative: 2.3e-16);
        double counted = double.IsFinite(loss) && double.IsFinite(perturbLoss) ? 129 : 0;
        Assert.That(actual[2], Is.EqualTo((keep ? before[2] : 0) + counted).Within(1e-12));
        Assert.That(actual[6], Is.EqualTo(before[6] + (double.IsFinite(loss) ? 0 : 1)));
    }

    [Test]
    public void CopyIfZeroCopiesIfZero([Values(0.0, 1.0, double.NaN)] double value, [Values(1, 33, 600_000)] int count)
    {
        float[] x = Normal(count), y = Normal(count);
        Tensor to = Input(y);
        Backend.CopyIfZero(OnDevice(value), Input(x), to);
        AssertClose(to, value == 0 ? x : y, relative: 0);
    }

    [Test]
    public void RequireFiniteClearsTheFlag([Values(1, 33, 600)] int count,
        [Values(0f, float.MaxValue, float.NegativeInfinity, float.NaN)] float last)
    {
        float[] x = Normal(count);
        x[^1] = last;
        Tensor flag = OnDevice(1);
        Backend.RequireFinite(Input(x), flag);
        Assert.That(flag.Item(), Is.EqualTo(float.IsFinite(last) ? 1 : 0));
    }

    [Test]
    public void HalfAWordCannotBeCopied()
    {
        Tensor x = Input(new byte[6]);
        Assert.That(() => Backend.CopyIfZero(OnDevice(0), x, x), Throws.ArgumentException.With.Message.Contains("6 bytes"));
    }

    UpdateGradient Gradient(Tensor x, Tensor z, bool direction) =>
        direction ? new(Copy(x), Copy(z), Weighting.Magnitude, OnDevice(0.8, -0.3)) : new(Copy(x));
}
