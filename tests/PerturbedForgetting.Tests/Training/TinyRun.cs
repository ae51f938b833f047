using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training;

/// <summary>How a <see cref="TinyRun"/> trains; the name is that of the test case.</summary>
sealed record TinySettings(string Name, string Opt)
{
    public string Model { get; init; } = "mlp";

    public PerturbationOptions Perturbation { get; init; } = new();

    public LossFunction Loss { get; init; } = static (logits, labels) => Ops.CrossEntropy(logits, labels);

    public OptimizerOptions Numbers { get; init; } = new() { WeightDecay = 0.05 };

    public int Accumulation { get; init; } = 1;

    public double Clip { get; init; }

    public double Shrink { get; init; }

    public double Rate { get; init; } = 0.05;

    public Func<LinearSchedule, RhoPolicy> Rho { get; init; } = static _ => RhoPolicy.Constant(0.1);

    /// <summary>Called with the model before its arena is laid out.</summary>
    public Action<Module> Prepare { get; init; } = static _ => { };

    public override string ToString() => Name;

    /// <summary>The rule of the update.</summary>
    public Optimizer Optimizer(ParameterArena arena) => OptimizerFactory.Create(OptimizerName.Parse(Opt), arena, Numbers);

    /// <summary>What a step does.</summary>
    public StepOptions Step()
    {
        var kind = OptimizerName.Parse(Opt).Perturbation;
        return new(Loss)
        {
            Perturbation = kind == PerturbationKind.None ? null : Perturbation with { IsRandom = kind == PerturbationKind.RandSam },
            AccumulationSteps = Accumulation,
            ClipNorm = Clip,
            ShrinkFactor = Shrink,
        };
    }

    /// <summary>One of each kind of gradient and optimizer, on both models.</summary>
    public static IEnumerable<TinySettings> Variants()
    {
        foreach (string opt in OptimizerName.All.Select(o => o.ToString()))
            yield return new(opt, opt) { Model = opt.EndsWith('w') ? "conv" : "mlp" };
        foreach (string model in new[] { "mlp", "conv" })
        {
            yield return Sam($"gsam raw {model}", new() { Alpha = 0.4 });
            yield return Sam($"gsam normalized {model}", new() { Alpha = 0.4, IsDirectionNormalized = true });
            yield return Sam($"asam before {model}", new() { IsAdaptive = true, ScalesBeforeNorm = true });
            yield return Sam($"asam after {model}", new() { IsAdaptive = true, ScalesAfterNorm = true });
            yield return Sam($"asam both, gsam {model}",
                new() { IsAdaptive = true, ScalesBeforeNorm = true, ScalesAfterNorm = true, Alpha = 0.4, IsDirectionNormalized = true });
            yield return Sam($"obf m4 {model}",
                new() { Loss = static (logits, labels) => Ops.OutputBiasForget(logits, labels, 5, 1), ChunkSize = 4 });
            yield return Sam($"randsam, gsam {model}", new() { IsRandom = true, Alpha = 0.4 });
            TinySettings Sam(string name, PerturbationOptions options) =>
                new(name, options.IsRandom ? "randsam_sgdw" : "sam_sgdw") { Model = model, Perturbation = options };
        }
    }
}

/// <summary>A tiny model and the step that trains it on the reference's five batches.</summary>
sealed class TinyRun : IDisposable
{
    public TinyRun(TinySettings settings, DType type = DType.Float32, Communicator? communicator = null)
    {
        Settings = settings;
        Tiny = new TinyModels(settings.Model, type, settings.Prepare);
        var schedule = new LinearSchedule(settings.Rate, 0, 0, 1, 10, UpdateWindow.PerEpoch(TinyModels.Batches, settings.Accumulation));
        Step = new TrainingStep(Tiny.Model, Arena, settings.Optimizer(Arena), settings.Step(), schedule, settings.Rho(schedule),
            communicator);
    }

    public TinySettings Settings { get; }

    public TinyModels Tiny { get; }

    public ParameterArena Arena => Tiny.Arena;

    public TrainingStep Step { get; }

    public int NextBatch { get; set; }

    public float[] Weights => Arena.Weights.ToArray<float>();

    /// <summary>Trains on the next batches.</summary>
    public TinyRun Train(int batches)
    {
        for (int i = 0; i < batches; i++, NextBatch++)
        {
            var (images, labels) = Tiny.Batch(NextBatch % TinyModels.Batches);
            Step.Batch(images, labels, NextBatch % TinyModels.Batches, TinyModels.Batches);
        }
        return this;
    }

    /// <summary>Everything that training changes: weights, buffers and optimizer state.</summary>
    public double[][] State() =>
    [
        TinyModels.Read(Arena.Weights),
        .. Tiny.Model.State().Where(static e => e.Tensor is not Parameter).Select(static e => TinyModels.Read(e.Tensor)),
        .. Step.Optimizer.State().Select(static e => TinyModels.Read(e.Tensor)),
    ];

    public void Dispose()
    {
        Step.Optimizer.Dispose();
        Step.Dispose();
        Tiny.Dispose();
    }
}
