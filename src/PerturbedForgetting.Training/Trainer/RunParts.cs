using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Evaluation;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Models;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Training;

/// <summary>What a run is made of, built from its options: data, model, optimiser, step. Everything is checked before the first step.</summary>
sealed class RunParts : IDisposable
{
    readonly ImageLoader validationLoader;

    RunParts(Device device, TrainOptions options, ModelEntry entry, ImageSetup images, (Dataset Training, Dataset Validation) data, ITrainingObserver observer)
    {
        Device = device;
        (Options, Entry, Images, TrainingSet, ValidationSet) = (options, entry, images, data.Training, data.Validation);
        TrainingLoader = new ImageLoader(TrainingSet, images.TrainingTransform(options, entry.Config),
            LoaderOptions.Training(options.BatchSize, options.Workers, (ulong)options.Seed) with { Device = device, Decoder = ImageSetup.Decoder(options), BadImages = ImageSetup.BadImages(options) });
        validationLoader = new ImageLoader(ValidationSet, images.EvaluationTransform,
            LoaderOptions.Evaluation(options.ValidationBatchSize ?? options.BatchSize, options.Workers) with { Device = device, Decoder = ImageSetup.Decoder(options), BadImages = ImageSetup.BadImages(options) });
        UpdatesPerEpoch = UpdateWindow.PerEpoch(TrainingLoader.BatchesPerEpoch, options.GradAccumSteps);
        int classes = options.NumClasses ?? TrainingSet.Classes.Count;
        Model = CreateModel(device, options, classes, observer);
        Arena = new ParameterArena(Model);
        Optimizer = OptimizerFactory.Create(options.Opt, Arena, new OptimizerOptions
        {
            WeightDecay = options.WeightDecay,
            Momentum = options.Momentum,
            Betas = options.OptBetas,
            Epsilon = options.OptEps,
        });
        var schedule = new LinearSchedule(options.EffectiveLr, options.MinLr, options.WarmupLr, options.WarmupEpochs, options.Epochs, UpdatesPerEpoch);
        Step = new TrainingStep(Model, Arena, Optimizer, new StepOptions(Losses.Training(options))
        {
            Perturbation = Losses.Perturbation(options),
            AccumulationSteps = options.GradAccumSteps,
            ClipNorm = options.ClipGrad ?? 0,
            ShrinkFactor = options.SnpFactor,
            UsesGraphs = options.CudaGraph switch { "on" => true, "off" => false, _ => device.SupportsGraphs },
        }, schedule, options.Perturbs ? RhoPolicy.Create(options.RhoPolicy, options.Rho, options.MinRho, schedule) : null);
        Evaluator = new Evaluator(Model, validationLoader, images.Normalization, classes, options.LogInterval);
        Input = new BatchInput(device, images.Normalization, classes);
    }

    public Device Device { get; }

    public TrainOptions Options { get; }

    public ModelEntry Entry { get; }

    public ImageSetup Images { get; }

    public Dataset TrainingSet { get; }

    public Dataset ValidationSet { get; }

    public ImageLoader TrainingLoader { get; }

    public ImageModel Model { get; }

    public ParameterArena Arena { get; }

    public Optimizer Optimizer { get; }

    public TrainingStep Step { get; }

    public Evaluator Evaluator { get; }

    public BatchInput Input { get; }

    public int UpdatesPerEpoch { get; }

    /// <summary>What loaders found wrong with images so far, in words.</summary>
    public IEnumerable<BadImage> BadImages => [.. TrainingLoader.Skipped, .. TrainingLoader.Filled, .. validationLoader.Skipped, .. validationLoader.Filled];

    /// <summary>Opens the data and builds the rest.</summary>
    /// <param name="options">Checked options.</param>
    /// <param name="observer">Receives what a person should know about data and weights.</param>
    /// <param name="classes">Classes of the checkpoint that the run continues from, which the data must have.</param>
    /// <exception cref="DatasetException">The data cannot be used.</exception>
    /// <exception cref="ModelOptionException">The model cannot be made.</exception>
    public static RunParts Build(TrainOptions options, ITrainingObserver observer, ClassList? classes = null)
    {
        var entry = ModelRegistry.Find(options.Model);
        var images = ImageSetup.Resolve(options, entry.Config, useTestSize: false);
        var training = Data.Open(options, options.TrainSplit, classes);
        if (classes is not null && !classes.SameAs(training.Classes))
            throw new DatasetException($"{training.Name}: {classes.DescribeDifference(training.Classes)}. A run continues only with the classes it began with.");
        var validation = Data.Open(options, options.ValSplit, training.Classes);
        int numClasses = options.NumClasses ?? training.Classes.Count;
        training.CheckLabels(numClasses);
        validation.CheckLabels(numClasses);
        foreach (string note in training.Notes.Concat(validation.Notes).Distinct(StringComparer.Ordinal))
            observer.Message(MessageLevel.Warning, note);
        var device = OpenDevice.From(options, observer);
        try
        {
            return new RunParts(device, options, entry, images, (training, validation), observer);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Input.Dispose();
        Step.Dispose();
        Optimizer.Dispose();
        Arena.Dispose();
        validationLoader.Dispose();
        TrainingLoader.Dispose();
        Device.Dispose();
    }

    /// <summary>The model with the weights a run begins with: drawn from the seed, then those of a file, then the constant bias.</summary>
    static ImageModel CreateModel(Device device, TrainOptions options, int numClasses, ITrainingObserver observer)
    {
        ImageModel model;
        using (Initialization.Begin((ulong)options.Seed, device))
            model = ModelRegistry.Create(options.Model, ModelSettings.From(options, numClasses) with { Drop = options.Drop, BnMomentum = options.BnMomentum, BnEps = options.BnEps });
        if (options.Pretrained)
        {
            var report = Vision.Models.Pretrained.Load(model, options.PretrainedPath!, options.ResizePosEmbed switch
            {
                "" => null,
                "bilinear" => Interpolation.Bilinear,
                _ => Interpolation.Bicubic,
            });
            observer.Message(MessageLevel.Info, $"Weights from '{options.PretrainedPath}': {report.Loaded.Count} tensors"
                + (report.Resized is null ? "" : $"; {report.Resized}")
                + (report.Skipped.Count > 0 ? $"; another number of classes, so these keep their initial values: {string.Join(", ", report.Skipped)}" : ""));
        }
        if (options.HeadInitBias is { } bias)
            model.FillHeadBias(bias);
        return model;
    }
}
