using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Checkpoints;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Processes;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Training.Setup;

/// <summary>What a run is made of, built from its options: data, model, optimiser, step. Everything is checked before the first
/// step.</summary>
sealed class RunParts : IDisposable
{
    RunParts(Device device, World world, TrainOptions options, ModelEntry entry, ImageSetup images,
        (Dataset Training, Dataset Validation) data, ITrainingObserver observer)
    {
        (Device, World) = (device, world);
        (Options, Entry, Images, TrainingSet, ValidationSet) = (options, entry, images, data.Training, data.Validation);
        TrainingLoader = Data.Loader(TrainingSet, images.TrainingTransform(options, entry.Config),
            LoaderOptions.Training(options.BatchSize, options.Workers, (ulong)options.Seed), options, device, world);
        ValidationLoader = Data.Loader(ValidationSet, images.EvaluationTransform,
            LoaderOptions.Evaluation(options.ValidationBatchSize ?? options.BatchSize, options.Workers), options, device, world);
        UpdatesPerEpoch = UpdateWindow.PerEpoch(TrainingLoader.BatchesPerEpoch, options.GradAccumSteps);
        NumClasses = options.NumClasses ?? TrainingSet.Classes.Count;
        Model = CreateModel(device, options, NumClasses, observer);
        RequireStatistics();
        Arena = new ParameterArena(Model);
        Agreement.RequireModel(world, Model);
        // They are the same already, as the seed is, unless a file differs between two machines.
        world.Communicator.Broadcast(Arena.Weights, 0);
        if (Arena.Buffers is { } buffers)
            world.Communicator.Broadcast(buffers.Values, 0);
        Optimizer = StepSetup.Optimizer(options, Arena);
        var schedule = StepSetup.Schedule(options, UpdatesPerEpoch);
        var step = StepSetup.Step(options, UpdatesPerEpoch) with
        {
            UsesGraphs = options.CudaGraph ?? device.SupportsGraphs,
            RequiresGraphs = options.CudaGraph == true,
        };
        Step = new TrainingStep(Model, Arena, Optimizer, step, schedule, StepSetup.Rho(options, schedule), world.Communicator);
        Input = new BatchInput(device, images.Normalization, NumClasses);
    }

    public Device Device { get; }

    public World World { get; }

    public TrainOptions Options { get; }

    public ModelEntry Entry { get; }

    public ImageSetup Images { get; }

    public Dataset TrainingSet { get; }

    public Dataset ValidationSet { get; }

    public ImageLoader TrainingLoader { get; }

    public ImageLoader ValidationLoader { get; }

    /// <summary>Classes of the model, which may be more than the data's.</summary>
    public int NumClasses { get; }

    public ImageModel Model { get; }

    public ParameterArena Arena { get; }

    public Optimizer Optimizer { get; }

    public TrainingStep Step { get; }

    public BatchInput Input { get; }

    public int UpdatesPerEpoch { get; }

    /// <summary>What loaders found wrong with images so far, in words.</summary>
    public IEnumerable<BadImage> BadImages =>
    [
        .. TrainingLoader.Skipped, .. TrainingLoader.Filled, .. TrainingLoader.Damaged,
        .. ValidationLoader.Skipped, .. ValidationLoader.Filled, .. ValidationLoader.Damaged,
    ];

    /// <summary>Opens the data and builds the rest.</summary>
    /// <param name="options">Checked options.</param>
    /// <param name="observer">Receives what a person should know about data and weights.</param>
    /// <param name="classes">Classes of the checkpoint that the run continues from, which the data must have; null for others.</param>
    /// <param name="token">Ends the preparation of the data.</param>
    /// <param name="world">The processes that train together; none is this one alone.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    /// <exception cref="DatasetException">The data cannot be used.</exception>
    /// <exception cref="ModelOptionException">The model cannot be made.</exception>
    public static RunParts Build(TrainOptions options, ITrainingObserver observer, ClassList? classes, CancellationToken token,
        World? world = null)
    {
        world ??= World.Alone;
        var entry = ModelRegistry.Find(options.Model);
        var images = ImageSetup.Resolve(options, entry.Config, useTestSize: false);
        var training = Data.Open(options, options.TrainSplit, classes, observer, token);
        if (classes is not null && !classes.SameAs(training.Classes))
            throw new DatasetException(
                $"{training.Name}: {classes.DescribeDifference(training.Classes)}. A run continues only with the classes it began with.");
        (training, var validation) = Data.WithValidation(training, options, observer, token);
        int numClasses = options.NumClasses ?? training.Classes.Count;
        training.CheckLabels(numClasses);
        validation.CheckLabels(numClasses);
        foreach (string note in training.Notes.Concat(validation.Notes).Distinct(StringComparer.Ordinal))
            observer.Message(MessageLevel.Warning, note);
        if (HoldOut.DescribeOverlap(training, validation) is { } overlap)
            observer.Message(MessageLevel.Warning, overlap);
        var device = OpenDevice.From(options, observer, world);
        try
        {
            if (options.CudaGraph == true && !device.SupportsGraphs)
            {
                throw new OptionException(new OptionProblem(TrainOptions.CudaGraphOption.Flag,
                    $"the device of this run, {device}, has no graphs: use auto or off, or another {RunOptions.DeviceOption}."));
            }
            if (HostMemory.Feeds(device, options))
                MemoryEstimate.OfTraining(options, numClasses, validation.Count).Require(HostMemory.Find(), options);
            Agreement.RequireData(world, training, validation);
            int told = device.Notes.Count;
            world.Open(device);
            foreach (string note in device.Notes.Skip(told))
                observer.Message(MessageLevel.Warning, note);
            return new RunParts(device, world, options, entry, images, (training, validation), observer);
        }
        catch
        {
            world.Close();
            device.Dispose();
            throw;
        }
    }

    /// <summary>What each of several processes has of its own.</summary>
    /// <param name="areShared">Whether the running statistics are the same in all.</param>
    public RankTensors OfRanks(bool areShared) => new(Step, Arena.Buffers, World.Communicator, areShared);

    public void Dispose()
    {
        Input.Dispose();
        Step.Dispose();
        Optimizer.Dispose();
        Arena.Dispose();
        ValidationLoader.Dispose();
        TrainingLoader.Dispose();
        ValidationSet.Dispose();
        TrainingSet.Dispose();
        World.Close();
        Device.Dispose();
    }

    /// <summary>Refuses a pass over one image that leaves a channel one value: batch norm has nothing to measure then.</summary>
    void RequireStatistics()
    {
        (int images, OptionSpec spec) = Options.Opt.Perturbs && Options.SharpnessM > 0
            ? (Options.SharpnessM, (OptionSpec)TrainOptions.SharpnessMOption)
            : (Options.BatchSize, RunOptions.BatchSizeOption);
        if (images == 1 && ModelSummary.Of(Model).FewestNormalized == 1)
        {
            throw new OptionException(new OptionProblem(spec.Flag,
                $"one image of {Images.Size} pixels leaves {Options.Model}'s batch norm one value a channel, and it needs more; "
                + $"use 2 or more, or a larger {RunOptions.ImgSizeOption}."));
        }
    }

    /// <summary>The model with the weights a run begins with: drawn from the seed, then those of a file, then the constant bias.</summary>
    static ImageModel CreateModel(Device device, TrainOptions options, int numClasses, ITrainingObserver observer)
    {
        ImageModel model;
        using (Initialization.Begin((ulong)options.Seed, device))
            model = ModelRegistry.Create(options.Model, ModelSettings.From(options, numClasses) with
            {
                Drop = options.Drop,
                BnMomentum = options.BnMomentum,
            });
        if (options.PretrainedPath is { } path)
        {
            var report = Vision.Models.Pretrained.Load(model, path, options.ResizePosEmbed, options.PretrainedKey);
            foreach (string statement in report.Statements)
                observer.Message(MessageLevel.Info, $"Weights from '{path}': {statement}.");
        }
        if (options.HeadInitBias is { } bias)
            model.FillHeadBias(bias);
        return model;
    }
}
