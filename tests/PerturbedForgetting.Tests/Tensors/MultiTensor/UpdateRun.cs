using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Tests.Tensors.MultiTensor;

/// <summary>Fresh gradients, clipped to a norm of 2, one buffer or the combination of two.</summary>
sealed class UpdateRun(ArenaModel model, bool direction) : IDisposable
{
    readonly Tensor coefficients = Tensor.Persistent([2], DType.Float64, model.Arena.Weights.Device).CopyFrom<double>([0.8, -0.3]);
    readonly Tensor norm = Tensor.Persistent([1], DType.Float64, model.Arena.Weights.Device);
    readonly Tensor flag = Tensor.Persistent([1], DType.Float64, model.Arena.Weights.Device).Fill(1);

    public UpdateControl Control { get; } = new(model.Arena.Weights.Device);

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
