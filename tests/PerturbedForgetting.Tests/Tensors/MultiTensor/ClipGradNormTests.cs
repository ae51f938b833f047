using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.MultiTensor;

/// <summary>Clipping by the norm over all parameters: the norm and the factor that the update applies.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class ClipGradNormTests(string device) : DeviceFixture(device)
{
    static IReadOnlyList<ReferenceCase> Cases() => ReferenceData.Cases("ops", "clip_grad_norm");

    [TestCaseSource(nameof(Cases))]
    public void EqualsTheReference(ReferenceCase c)
    {
        ReferenceTensor<float>[] gradients = [.. Enumerable.Range(0, c.Inputs.Count).Select(i => c.Input($"g{i}"))];
        using var model = new ArenaModel(DType.Float32, 1, [.. gradients.Select(g => g.Data.Length)], frozen: -1);
        var (x, clipped) = (model.Arena.NewBuffer(), model.Arena.NewBuffer());
        foreach (var (segment, gradient) in model.Arena.Segments.Zip(gradients))
            ParameterArena.Slice(x, segment).CopyFrom((ReadOnlySpan<float>)gradient.Data);
        using var norm = Persistent([1], DType.Float64);
        using var flag = Persistent([1], DType.Float64).Fill(1);
        using var control = new UpdateControl(Device);
        MultiTensorOps.SquaredNorm(model.Layout, x, Weighting.None, norm);
        MultiTensorOps.BeginUpdate(norm, flag, c.Number("max_norm", 0), control);
        MultiTensorOps.Combine(model.Layout, new(x), control.Scale.Item(), accumulate: false, clipped);

        var (total, atol) = c.Output("total_norm");
        Assert.That(control.GradientNorm.Item(), Is.EqualTo(total.Data[0]).Within(atol));
        foreach (var (segment, i) in model.Arena.Segments.Select(static (s, i) => (s, i)))
        {
            var (expected, tolerance) = c.Output($"clipped{i}");
            double[] actual = ArenaModel.Read(ParameterArena.Slice(clipped, segment));
            Assert.That(Deviation.Max(actual, Array.ConvertAll(expected.Data, static v => (double)v)), Is.LessThanOrEqualTo(tolerance));
        }
    }
}
