using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tests.Tensors.MultiTensor;

namespace PerturbedForgetting.Tests.Cuda.Kernels.MultiTensor;

/// <summary>Weight updates and the numbers that steer them.</summary>
[TestFixtureSource(typeof(KernelDevices))]
sealed class UpdateTests(string device) : MultiTensorFixture(device)
{
    const double Decay = 0.3;

    [Test]
    public void SgdEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] bool decoupled, [Values(0.0, 0.9)] double momentum, [Values] bool direction)
    {
        Make(sizes, Decay);
        var rule = new SgdRule(momentum, decoupled);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(), v = Model.NewBuffer(), coefficients = Numbers(0.8, -0.3);
        UpdateControl control = Own(new UpdateControl(Device.Cpu));
        control.Values.CopyFrom<double>([0.1, 1, 0.7, 5, 0, 2]);
        DeviceGradient g = Gradient(x, z, direction);
        float[] w0 = Model.Arena.Weights.ToArray<float>(), v0 = v.ToArray<float>();
        DeviceBuffer<double> controls = Upload(0.1, 1, 0.7, 5, 0, 2);
        float[] actual = Twice<float>(() =>
        {
            DeviceBuffer<float> weights = Upload<float>(w0), velocity = Upload<float>(v0);
            new SgdUpdate(Library).Launch(Stream, Tiles, weights, momentum > 0 ? velocity.Pointer : default, g, rule, controls);
            return [.. Download(weights), .. Download(velocity)];
        });
        MultiTensorOps.SgdUpdate(Model.Layout, direction ? new(x, z, Weighting.Magnitude, coefficients) : new(x), momentum > 0 ? v : null, rule, control);
        AssertClose(actual, [.. Model.Arena.Weights.ToArray<float>(), .. v.ToArray<float>()], relative: 2.4e-7, absolute: 2.4e-7);
    }

    [Test]
    public void AdamEqualsCpu([ValueSource(nameof(Arenas))] int[] sizes, [Values] bool decoupled, [Values] bool direction, [Values(1, 2, 1000)] int step)
    {
        Make(sizes, Decay);
        var rule = new AdamRule(0.9, 0.999, 1e-3, decoupled);
        Tensor x = Model.NewBuffer(), z = Model.NewBuffer(), m = Model.NewBuffer(), v = Model.NewBuffer(), coefficients = Numbers(0.8, -0.3);
        // An average of squares, not so near 0 that the division blows up what differs in the last bit.
        v.CopyFrom<float>([.. v.ToArray<float>().Select(static a => 0.01f + (a * a))]);
        UpdateControl control = Own(new UpdateControl(Device.Cpu));
        control.Values.CopyFrom<double>([0.01, 1, 0.7, step, 0, 2]);
        DeviceGradient g = Gradient(x, z, direction);
        float[] w0 = Model.Arena.Weights.ToArray<float>(), m0 = m.ToArray<float>(), v0 = v.ToArray<float>();
        DeviceBuffer<double> controls = Upload(0.01, 1, 0.7, step, 0, 2);
        float[] actual = Twice<float>(() =>
        {
            DeviceBuffer<float> weights = Upload<float>(w0), first = Upload<float>(m0), second = Upload<float>(v0);
            new AdamUpdate(Library).Launch(Stream, Tiles, weights, first, second, g, rule, controls);
            return [.. Download(weights), .. Download(first), .. Download(second)];
        });
        MultiTensorOps.AdamUpdate(Model.Layout, direction ? new(x, z, Weighting.Magnitude, coefficients) : new(x), m, v, rule, control);
        AssertClose(actual, [.. Model.Arena.Weights.ToArray<float>(), .. m.ToArray<float>(), .. v.ToArray<float>()], relative: 2.4e-7, absolute: 2.4e-7);
    }

    [Test]
    public void AdamLeavesAWeightWithoutAGradientAlone()
    {
        Make([1025]);
        float[] w = Model.Arena.Weights.ToArray<float>(), zeros = new float[w.Length];
        DeviceBuffer<float> weights = Upload<float>(w), first = Upload<float>(zeros), second = Upload<float>(zeros), g = Upload<float>(zeros);
        DeviceBuffer<double> control = Upload(0.01, 1, 1, 1, 0, 0);
        new AdamUpdate(Library).Launch(Stream, Tiles, weights, first, second, new(g), new(0.9, 0.999, 1e-8, false), control);
        AssertClose(Download(weights), w, relative: 0);
    }

    [Test]
    public void ASkippedUpdateChangesNoBit()
    {
        Make(ArenaModel.AwkwardSizes, Decay);
        float[] w = Model.Arena.Weights.ToArray<float>(), v = Model.NewBuffer().ToArray<float>();
        DeviceBuffer<float> weights = Upload<float>(w), first = Upload<float>(v), second = Upload<float>(v), g = Copy(Model.NewBuffer());
        DeviceBuffer<double> control = Upload(0.1, 0, 0, 0, 0, 0), norm = Upload(double.NaN), flag = Upload(1.0);
        new Scalars(Library).BeginUpdate(Stream, control, norm, flag, 0);
        new SgdUpdate(Library).Launch(Stream, Tiles, weights, first, new(g), new(0.9, true), control);
        new AdamUpdate(Library).Launch(Stream, Tiles, weights, first, second, new(g), new(0.9, 0.99, 1e-8, true), control);
        AssertClose(Download(weights), w, relative: 0);
        AssertClose(Download(first), v, relative: 0);
        AssertClose(Download(second), v, relative: 0);
    }

    [Test]
    public void UpdatesMoveTheLeastBytes([Values(1, 3)] int tiles, [Values] bool momentum)
    {
        Make([tiles * MultiTensorLayout.TileLength], Decay);
        DeviceBuffer<float> w = Copy(Model.Arena.Weights), m = Copy(Model.NewBuffer()), v = Upload<float>(new float[w.Count]), g = Copy(Model.NewBuffer());
        DeviceBuffer<double> control = Upload(0.1, 1, 1, 1, 0, 1);
        long count = w.Count;
        new SgdUpdate(Library).Launch(Stream, Tiles, w, momentum ? m.Pointer : default, new(g), new(momentum ? 0.9 : 0, true), control);
        // Each warp reads its tile (24) and rate, flag and scale (24).
        AssertTraffic("sgd_update", loaded: ((momentum ? 12 : 8) * count) + (tiles * Warps * 48), stored: (momentum ? 8 : 4) * count);
        new AdamUpdate(Library).Launch(Stream, Tiles, w, m, v, new(g), new(0.9, 0.99, 1e-8, true), control);
        // The first thread reads rate and steps besides.
        AssertTraffic("adam_update", loaded: (16 * count) + (tiles * ((Warps * 48) + 16)), stored: 12 * count);
        Assert.That(CountersOf("sgd_update")?.BankConflicts ?? 0, Is.Zero);
        Assert.That(CountersOf("adam_update")?.BankConflicts ?? 0, Is.Zero);
    }

    [Test]
    public void ControlEqualsCpu([Values(0.0, 4.0, 1e-30, 1e300, double.NaN, double.PositiveInfinity)] double squaredNorm, [Values(0, 1)] double flag, [Values(-1, 0, 1, 3)] double maxNorm)
    {
        UpdateControl control = Own(new UpdateControl(Device.Cpu));
        control.Values.CopyFrom<double>([0.1, 7, 7, 5, 2, 7]);
        MultiTensorOps.BeginUpdate(Numbers(squaredNorm), Numbers(flag), maxNorm, control);
        DeviceBuffer<double> actual = Upload(0.1, 7, 7, 5, 2, 7), norm = Upload(squaredNorm), good = Upload(flag);
        new Scalars(Library).BeginUpdate(Stream, actual, norm, good, maxNorm);
        AssertClose(Download(actual), control.Values.ToArray<double>(), relative: 0);
    }

    [Test]
    public void CoefficientsEqualCpu([Values] bool normalized, [Values(-1, 1)] int sign, [Values(0, 1, 2)] int kind)
    {
        double xx = kind == 0 ? 0 : Random.NextDouble(), zz = kind == 1 ? 0 : 5 * Random.NextDouble(), xz = Math.Sqrt(xx * zz) * ((2 * Random.NextDouble()) - 1);
        Tensor coefficients = Numbers(-1, -1), combined = Numbers(-1);
        MultiTensorOps.OrthogonalCoefficients(Numbers(xx, xz, zz), Numbers(zz), sign, 0.4, normalized, coefficients, combined);
        DeviceBuffer<double> products = Upload(xx, xz, zz), norm = Upload(zz), actual = Poisoned<double>(2), actualNorm = Poisoned<double>(1);
        new Scalars(Library).OrthogonalCoefficients(Stream, actual, actualNorm, products, norm, sign, 0.4, normalized);
        // A direction along the gradient is taken away but for rounding, which the division by a tiny norm may raise.
        AssertClose(Download(actual), coefficients.ToArray<double>(), relative: 1e-14);
        AssertClose(Download(actualNorm), combined.ToArray<double>(), relative: 1e-13, absolute: 1e-15 * (xx + zz));
    }

    [TestCase(1.5f, -1), TestCase(float.NaN, 1), TestCase(float.NegativeInfinity, 1)]
    public void RecordEqualsCpu(float value, double factor)
    {
        Tensor last = Numbers(9), sum = Numbers(0.25);
        using Tensor loss = OnCpu(new[] { value });
        MultiTensorOps.Record(loss, factor, last, sum);
        DeviceBuffer<double> actualLast = Poisoned<double>(1), actualSum = Upload(0.25);
        DeviceBuffer<float> x = Upload(value);
        new Scalars(Library).Record(Stream, actualLast, actualSum, x, factor);
        AssertClose(Download(actualLast), last.ToArray<double>(), relative: 0);
        AssertClose(Download(actualSum), sum.ToArray<double>(), relative: 0);
    }

    [Test]
    public void AddLossesEqualsCpu([Values] bool keep, [Values(1.5, double.NaN)] double loss, [Values(0.25, double.PositiveInfinity)] double perturbLoss, [Values(1, 3)] int chunks)
    {
        double[] before = [.. Enumerable.Range(0, 7).Select(_ => 100 * Random.NextDouble())], losses = [loss, 2 * loss, perturbLoss, 5 * perturbLoss];
        Tensor sums = Numbers(before);
        MultiTensorOps.AddLosses(Numbers(losses), chunks, 129, Numbers(keep ? 1 : 0), sums);
        DeviceBuffer<double> actual = Upload(before), batch = Upload(losses), flag = Upload(keep ? 1.0 : 0.0);
        new Scalars(Library).AddLosses(Stream, actual, batch, flag, chunks, 129);
        // One rounding less: product and sum are one instruction.
        AssertClose(Download(actual), sums.ToArray<double>(), relative: 2.3e-16);
        double counted = double.IsFinite(loss) && double.IsFinite(perturbLoss) ? 129 : 0;
        Assert.That(Download(actual)[2], Is.EqualTo((keep ? before[2] : 0) + counted).Within(1e-12));
        Assert.That(Download(actual)[6], Is.EqualTo(before[6] + (double.IsFinite(loss) ? 0 : 1)));
    }

    [Test]
    public void CopyIfZeroCopiesIfZero([Values(0.0, 1.0, double.NaN)] double value, [Values(1, 33, 600_000)] int count)
    {
        float[] x = Normal(count), y = Normal(count);
        DeviceBuffer<float> from = Upload<float>(x), to = Upload<float>(y);
        DeviceBuffer<double> flag = Upload(value);
        new Scalars(Library).CopyIfZero(Stream, to, from, flag, to.Bytes);
        AssertClose(Download(to), value == 0 ? x : y, relative: 0);
    }

    [Test]
    public void HalfAWordCannotBeCopied()
    {
        DeviceBuffer<byte> x = Upload<byte>(new byte[6]);
        DeviceBuffer<double> flag = Upload(0.0);
        Assert.That(() => new Scalars(Library).CopyIfZero(Stream, x, x, flag, 6), Throws.ArgumentException.With.Message.Contains("6 bytes"));
    }

    DeviceGradient Gradient(Tensor x, Tensor z, bool direction) =>
        direction ? new(Copy(x), Copy(z), Weighting.Magnitude, Upload(0.8, -0.3)) : new(Copy(x));
}
