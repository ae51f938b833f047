using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace DeviceBenchmark;

/// <summary>What is trained, and how.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Kwargs">Options of its architecture.</param>
/// <param name="Classes">Classes.</param>
/// <param name="Pixels">Height and width of an image.</param>
/// <param name="Batch">Images of a step.</param>
/// <param name="Chunk">m: images that share a perturbation.</param>
/// <param name="Optimizer">Its name; <c>sam_</c> perturbs with the output-bias-forgetting loss.</param>
sealed record TrainingShape(string Model, IReadOnlyDictionary<string, string> Kwargs, int Classes, int Pixels, int Batch, int Chunk,
    string Optimizer)
{
    /// <summary>How features become one vector; null for the model's own way.</summary>
    public string? GlobalPool { get; init; }

    /// <summary>Whether the training loss is binary cross entropy, summed over the classes.</summary>
    public bool IsBinary { get; init; }

    /// <summary>Limit of the gradient's norm; 0 for none.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Model and optimizer.</summary>
    public string Name => $"{Model} {Optimizer}";

    /// <summary>What the optimizer's name says.</summary>
    public OptimizerName Method => OptimizerName.Parse(Optimizer);

    /// <summary>Whether a step has two passes.</summary>
    public bool Perturbs => Method.Perturbs;
}

/// <summary>A new model on a device with the step that trains it.</summary>
sealed class TrainingCase : IDisposable
{
    const double Rho = 0.05, ObfC = 10, ObfGamma = 1, MaxRate = 0.1, AdamRate = 1e-3;

    readonly ParameterArena arena;
    readonly Optimizer optimizer;

    /// <param name="device">Where.</param>
    /// <param name="shape">What.</param>
    /// <param name="updates">Steps until the learning rate is zero.</param>
    /// <param name="graph">Whether the step is replayed as a CUDA graph.</param>
    public TrainingCase(Device device, TrainingShape shape, int updates, bool graph)
    {
        ImageModel model;
        using (Initialization.Begin(seed: 1, device))
            model = ModelRegistry.Create(shape.Model,
                new() { ImageSize = shape.Pixels, NumClasses = shape.Classes, GlobalPool = shape.GlobalPool, Kwargs = shape.Kwargs });
        Model = model;
        MultiplyAdds = ModelSummary.Of(model).MultiplyAdds;
        arena = new ParameterArena(model);
        optimizer = OptimizerFactory.Create(shape.Method, arena, new() { WeightDecay = 1e-4 });
        var schedule = new LinearSchedule(shape.Method.IsAdam ? AdamRate : MaxRate, 0, 0, 0, 1, updates);
        StepOptions options = new(shape.IsBinary ? static (logits, labels) => Ops.BinaryCrossEntropy(logits, labels)
            : static (logits, labels) => Ops.CrossEntropy(logits, labels))
        {
            UsesGraphs = graph,
            ClipNorm = shape.ClipNorm,
            Perturbation = shape.Perturbs
                ? new() { Loss = (logits, labels) => Ops.OutputBiasForget(logits, labels, ObfC, ObfGamma), ChunkSize = shape.Chunk }
                : null,
        };
        Step = new TrainingStep(model, arena, optimizer, options, schedule, RhoPolicy.Constant(Rho));
    }

    public ImageModel Model { get; }

    public TrainingStep Step { get; }

    /// <summary>Of one image's forward pass.</summary>
    public long MultiplyAdds { get; }

    public void Dispose()
    {
        Step.Dispose();
        optimizer.Dispose();
        arena.Dispose();
    }
}
