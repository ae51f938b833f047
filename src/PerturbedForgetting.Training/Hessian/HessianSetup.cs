using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Progress;
using PerturbedForgetting.Training.Setup;
using PerturbedForgetting.Training.Updates;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Loading;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>The model of a checkpoint, its loss over the images of a data set, and the vectors of its Hessian.</summary>
sealed class HessianSetup : IDisposable
{
    readonly LoadedModel loaded;
    readonly ImageLoader loader;
    readonly BatchInput input;

    HessianSetup(LoadedModel loaded, ImageLoader loader, LossFunction loss, int batchSize, int images)
    {
        (this.loaded, this.loader, Loss) = (loaded, loader, loss);
        Arena = new ParameterArena(loaded.Model);
        Layout = new MultiTensorLayout(Arena);
        Space = new VectorSpace(Layout);
        input = new BatchInput(loaded.Device, loaded.Images.Normalization, loaded.Model.NumClasses);
        Batches = new SplitBatches(input, loader);
        if (images > 0 && images < Batches.Images)
            Batches = new LimitedBatches(Batches, images);
        BatchesOfAPass = (int)((Batches.Images + batchSize - 1) / batchSize);
    }

    /// <summary>The model, in evaluation mode during passes.</summary>
    public Module Model => loaded.Model;

    /// <summary>Where it is.</summary>
    public Device Device => loaded.Device;

    /// <summary>Its parameters.</summary>
    public ParameterArena Arena { get; }

    /// <summary>Their layout.</summary>
    public MultiTensorLayout Layout { get; }

    /// <summary>Vectors of that layout.</summary>
    public VectorSpace Space { get; }

    /// <summary>Classes of its logits.</summary>
    public int Classes => loaded.Model.NumClasses;

    /// <summary>The images.</summary>
    public ILossBatches Batches { get; }

    /// <summary>How many batches they are.</summary>
    public int BatchesOfAPass { get; }

    /// <summary>The loss.</summary>
    public LossFunction Loss { get; }

    /// <summary>What products keep from one to the next; none keep nothing.</summary>
    public KeptTapes? Tapes { get; private set; }

    /// <summary>Images that could not be read as they should, in words.</summary>
    public IEnumerable<BadImage> BadImages => loader.Skipped.Concat(loader.Filled).Concat(loader.Damaged);

    /// <summary>Makes the model and opens the images.</summary>
    /// <param name="checkpoint">The checkpoint with its options.</param>
    /// <param name="data">The images; they stay the caller's.</param>
    /// <param name="transform">How they are prepared, from what the model expects.</param>
    /// <param name="order">Batches, and their order.</param>
    /// <param name="images">How many of them are used; 0 is all.</param>
    /// <param name="observer">Hears of the model.</param>
    /// <exception cref="OptionException">An option is wrong, or memory is too small.</exception>
    public static HessianSetup Open<TOptions>(ModelCheckpoint<TOptions> checkpoint, Dataset data,
        Func<ImageSetup, ImageTransform> transform, LoaderOptions order, int images, ITrainingObserver observer)
        where TOptions : CheckpointOptions, new()
    {
        var options = checkpoint.Options;
        int classes = checkpoint.NumClasses ?? data.Classes.Count;
        data.CheckLabels(classes);
        foreach (string note in data.Notes)
            observer.Message(MessageLevel.Warning, note);
        int count = images == 0 ? data.Count : Math.Min(images, data.Count);
        var loaded = LoadedModel.Create(checkpoint, classes, count, observer);
        try
        {
            var preparation = transform(loaded.Images);
            observer.Message(MessageLevel.Info, FormattableString.Invariant($"Data: {data.Name}, {Quantity.Of(count, "image")}; ")
                + FormattableString.Invariant($"{Quantity.Of(data.Classes.Count, "class", "classes")}, hash {data.Classes.Hash}; ")
                + ImageSetup.Describe(preparation));
            if (options is { BceLoss: true, BceReduction: LossReduction.Sum or LossReduction.SumSum or LossReduction.MeanSum })
            {
                observer.Message(MessageLevel.Warning, $"{RunOptions.BceReductionOption} {RunOptions.BceReductionOption.Show(options)} "
                    + $"adds up the losses of a batch, so that everything here grows with {RunOptions.BatchSizeOption}.");
            }
            int batchSize = Math.Min(order.BatchSize, count);
            var loader = Data.Loader(data, preparation, order with { BatchSize = batchSize }, options, loaded.Device);
            return new(loaded, loader, Losses.Training(options), batchSize, images);
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>From now on products keep what they have in common.</summary>
    /// <param name="bytes">Memory for it; none is half of what is free.</param>
    /// <param name="options">Model and device.</param>
    /// <param name="estimate">What is needed without.</param>
    public void KeepTapes(double? bytes, RunOptions options, MemoryEstimate estimate)
    {
        if (bytes is null)
        {
            long free = HostMemory.Feeds(Device, options) ? HostMemory.Free() : Device.FreeMemory!.Value;
            // One more of them while it is made, of the size of a pass.
            bytes = (free - estimate.Total - estimate.Activations) / 2;
        }
        Tapes = new(Device, bytes.Value);
    }

    /// <summary>The Hessian.</summary>
    /// <param name="block">Vectors that are multiplied together.</param>
    /// <param name="batchDone">Hears how many batches of a product are done.</param>
    public LossHessian Operator(int block, Action<int> batchDone) =>
        new(loaded.Model, Layout, Loss, Batches, block) { BatchDone = batchDone, Tapes = Tapes };

    /// <summary>The sharpness.</summary>
    /// <param name="batchDone">Hears how many batches of a pass are done.</param>
    public LossSharpness Sharpness(Action<int> batchDone) => new(loaded.Model, Space, Loss, Batches) { BatchDone = batchDone };

    /// <summary>Frees all of it.</summary>
    public void Dispose()
    {
        Tapes?.Dispose();
        Space.Dispose();
        Layout.Dispose();
        Arena.Dispose();
        input.Dispose();
        loader.Dispose();
        loaded.Dispose();
    }
}
