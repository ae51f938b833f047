using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Setup;

/// <summary>What a training step is made of: optimizer, schedule, radius and the step's own choices that the options name.</summary>
static class StepSetup
{
    /// <summary>Rule of the update.</summary>
    public static Optimizer Optimizer(TrainOptions options, ParameterArena arena) =>
        OptimizerFactory.Create(options.Opt, arena, new OptimizerOptions
        {
            WeightDecay = options.WeightDecay,
            Momentum = options.Momentum,
            Betas = options.OptBetas,
            Epsilon = options.OptEps,
        });

    /// <summary>Learning rate by update.</summary>
    public static LinearSchedule Schedule(TrainOptions options, int updatesPerEpoch) =>
        new(options.EffectiveLr, options.MinLr, options.WarmupLr, options.WarmupEpochs, options.Epochs, updatesPerEpoch);

    /// <summary>Radius of the perturbation; none for plain optimizers.</summary>
    public static RhoPolicy? Rho(TrainOptions options, LinearSchedule schedule) =>
        options.Opt.Perturbs ? RhoPolicy.Create(options.RhoPolicy, options.Rho, options.MinRho, schedule) : null;

    /// <summary>What the step does; graphs are the device's business.</summary>
    public static StepOptions Step(TrainOptions options, int updatesPerEpoch) => new(Losses.Training(options))
    {
        Perturbation = Losses.Perturbation(options, updatesPerEpoch),
        AccumulationSteps = options.GradAccumSteps,
        ClipNorm = options.ClipGrad ?? 0,
        ShrinkFactor = options.SnpFactor,
        RoundsExchange = options.CommDtype == CommDtype.BFloat16,
    };
}
