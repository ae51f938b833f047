using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Training;

/// <summary>A model of the registry, with ten classes and dropout, and the step that trains it on one batch of noise.</summary>
sealed class ModelSteps : IDisposable
{
    readonly Module model;
    readonly ParameterArena arena;
    readonly Sgd optimizer;
    readonly TrainingStep step;
    readonly Tensor images, labels;
    int next;

    public ModelSteps(string name, int pixels, int batch, StepOptions options)
    {
        using var initialization = Initialization.Begin(1);
        model = ModelRegistry.Create(name, new() { ImageSize = pixels, NumClasses = 10, Drop = 0.1 });
        arena = new ParameterArena(model);
        optimizer = new Sgd(arena, weightDecay: 1e-4, isDecoupled: true);
        step = new TrainingStep(model, arena, optimizer, options, new LinearSchedule(0.01, 0, 0, 0, 1, 1000), RhoPolicy.Constant(0.05));
        images = initialization.Normal([batch, pixels, pixels, 3], 1);
        labels = Tensor.Persistent([batch], DType.Int32).CopyFrom<int>([.. Enumerable.Range(0, batch).Select(static i => i * 7 % 10)]);
    }

    /// <summary>The loss that most tests train with.</summary>
    public static Tensor Loss(Tensor logits, Tensor labels) => Ops.CrossEntropy(logits, labels, 0.1);

    /// <summary>Trains on the batch some times.</summary>
    public void Train(int batches)
    {
        for (int i = 0; i < batches; i++)
            step.Batch(images, labels, next++, 1000);
    }

    /// <summary>Weights, momentum and running statistics.</summary>
    public float[][] State() =>
    [
        arena.Weights.ToArray<float>(),
        .. optimizer.State().Select(static e => e.Tensor.ToArray<float>()),
        .. model.State().Where(static e => e.Tensor is not Parameter && e.Tensor.DType == DType.Float32)
        .Select(static e => e.Tensor.ToArray<float>()),
    ];

    public void Dispose()
    {
        step.Dispose();
        optimizer.Dispose();
        arena.Dispose();
        images.Dispose();
        labels.Dispose();
    }
}
