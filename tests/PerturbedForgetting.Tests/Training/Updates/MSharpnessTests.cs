using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>The example of <c>docs/m-sharpness.md</c>: two samples of a regression with one weight.</summary>
[TestFixture]
sealed class MSharpnessTests
{
    [TestCase(2, 1.75, 1.4125)]
    [TestCase(1, 1.65, 1.5125)]
    public void TheExampleOfTheDocumentIsRight(int m, double gradient, double loss)
    {
        using var initialization = Initialization.Begin(0, Device.Cpu, DType.Float64);
        var model = new Line();
        using var arena = new ParameterArena(model);
        var schedule = new LinearSchedule(0.1, 0, 0, 0, 1, 1);
        using var optimizer = OptimizerFactory.Create(OptimizerName.Parse("sam_sgd"), arena, new() { Momentum = 0 });
        using var step = new TrainingStep(model, arena, optimizer,
            new StepOptions(HalfSquares) { Perturbation = new() { ChunkSize = m } }, schedule, RhoPolicy.Constant(0.1));
        using Tensor x = Made(1, 2), targets = Made(1, -2);
        step.Diagnostics = true;
        step.Batch(x, targets, 0, 1);
        var report = step.Report();
        Assert.That(report.GradientNorm, Is.EqualTo(gradient).Within(1e-9));
        Assert.That(report.MeanLoss, Is.EqualTo(loss).Within(1e-9));
        Assert.That(report.PerturbationNorm, Is.EqualTo(0.1).Within(1e-9));
        Assert.That(TinyModels.Read(arena.Weights)[0], Is.EqualTo(-0.1 * gradient).Within(1e-9));
    }

    static Tensor Made(params double[] values) => Tensor.Persistent([values.Length, 1], DType.Float64).CopyFrom<double>(values);

    static Tensor HalfSquares(Tensor y, Tensor targets)
    {
        Tensor off = Ops.Sub(y, targets);
        return Ops.Scale(Ops.Sum(Ops.Mul(off, off)), 0.5 / targets.Count);
    }

    sealed class Line : Module
    {
        readonly Parameter weight;

        public Line() => weight = Register("weight", new Parameter(Initialization.Current.Constant([1, 1], 0)));

        protected override Tensor Forward(Tensor x) => Ops.Linear(x, weight, null);
    }
}
