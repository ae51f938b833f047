using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace Benchmarks;

/// <summary>What is trained.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="PeerModel">The peer's name of it; empty where the peer has none.</param>
/// <param name="Batch">Images of a step.</param>
/// <param name="Pixels">Height and width of an image.</param>
/// <param name="Optimizer">Rule of the update.</param>
sealed record StepWorkload(string Model, string PeerModel, int Batch, int Pixels, string Optimizer = "sgd")
{
    public string Name => FormattableString.Invariant($"{Model}/{Batch}x{Pixels}/{Optimizer}");
}

/// <summary>A kind of training step.</summary>
enum StepKind
{
    /// <summary>The base optimiser.</summary>
    Plain,

    /// <summary>Sharpness-aware minimisation.</summary>
    Sam,

    /// <summary>Perturbed by the output-bias-forgetting loss.</summary>
    Obf,

    /// <summary>SAM whose gradient is combined with the direction's orthogonal part.</summary>
    Gsam,
}

/// <summary>A model on random images with one training step of each kind.</summary>
sealed class StepCase : IDisposable
{
    /// <summary>Steps until caches of the allocator are filled and the code is compiled for good.</summary>
    public const int WarmUp = 2;

    const double Rate = 0.01, Rho = 0.05, Alpha = 0.2, ObfC = 10, ObfGamma = 1;
    const int Classes = 10;

    readonly StepWorkload workload;
    readonly ParameterArena arena;
    readonly Optimizer optimizer;
    readonly Dictionary<StepKind, TrainingStep> steps;
    readonly Tensor images, labels;

    public StepCase(StepWorkload workload, params ReadOnlySpan<StepKind> kinds)
    {
        this.workload = workload;
        using var initialization = Initialization.Begin(1);
        var model = ModelRegistry.Create(workload.Model, new() { ImageSize = workload.Pixels });
        Summary = ModelSummary.Of(model);
        arena = new ParameterArena(model);
        optimizer = OptimizerFactory.Create(OptimizerName.Parse(workload.Optimizer), arena, new() { Momentum = 0.9, WeightDecay = 1e-4 });
        var schedule = new LinearSchedule(workload.Optimizer == "adamw" ? Rate / 10 : Rate, 0, 0, 0, 1, 1000);
        StepOptions plain = new((logits, labels) => Ops.CrossEntropy(logits, labels));
        steps = kinds.ToArray().ToDictionary(k => k, k =>
            new TrainingStep(model, arena, optimizer, plain with { Perturbation = Perturbation(k) }, schedule, RhoPolicy.Constant(Rho)));
        images = initialization.Normal([workload.Batch, workload.Pixels, workload.Pixels, 3], 1);
        labels = Tensor.Persistent([workload.Batch], DType.Int32)
            .CopyFrom<int>(Enumerable.Range(0, workload.Batch).Select(i => i % Classes).ToArray());
    }

    static PerturbationOptions? Perturbation(StepKind kind) => kind switch
    {
        StepKind.Sam => new(),
        StepKind.Obf => new() { Loss = (logits, labels) => Ops.OutputBiasForget(logits, labels, ObfC, ObfGamma) },
        StepKind.Gsam => new() { Alpha = Alpha },
        _ => null,
    };

    /// <summary>Its layers.</summary>
    public ModelSummary Summary { get; }

    /// <summary>Makes a step and returns its seconds.</summary>
    public double Time(StepKind kind)
    {
        double start = Timing.Now();
        steps[kind].Batch(images, labels, 0, 1000);
        return Timing.Now() - start;
    }

    public void Dispose()
    {
        foreach (var step in steps.Values)
            step.Dispose();
        optimizer.Dispose();
        arena.Dispose();
        images.Dispose();
        labels.Dispose();
    }
}
