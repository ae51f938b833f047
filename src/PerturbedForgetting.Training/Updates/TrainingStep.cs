using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Schedules;

namespace PerturbedForgetting.Training.Updates;

/// <summary>
/// Training, one mini-batch at a time: shrink and perturb, gradient, accumulation over a window, clipping, update, schedule. Nothing
/// in it waits for the device, and what the device does can be replayed as a graph (<see cref="StepOptions.UsesGraphs"/>); numbers are
/// read with <see cref="Report"/>. An update whose gradient is not finite is left out, and so is one that leaves a running statistic not
/// finite (a variance can overflow where the gradient does not): weights, optimizer state and running statistics are then what they were
/// before the first batch of its window, bit for bit (but for shrink and perturb, which precedes it). Where several processes train
/// together, each perturbs by its own samples; the gradient of a window is averaged over them once, before it is clipped.
/// </summary>
/// <example><code>
/// var step = new TrainingStep(model, arena, optimizer, options, schedule);
/// for (int b = 0; b &lt; batches; b++)
///     step.Batch(images, labels, b, batches);
/// </code></example>
public sealed class TrainingStep : IDisposable
{
    readonly Module model;
    readonly ParameterArena arena;
    readonly StepOptions options;
    readonly LinearSchedule schedule;
    readonly RhoPolicy rho;
    readonly StepNumbers numbers;
    readonly BufferSnapshot snapshot;
    readonly ShrinkAndPerturb? shrink;
    readonly PerturbedGradient? perturbed;
    readonly Communicator communicator;
    readonly GradientExchange exchange;
    readonly IReadOnlyList<DropoutStream> dropouts;
    readonly ulong[] dropoutCalls;
    readonly StepGraphs? graphs;
    long noiseCalls;
    UpdateGradient gradient;
    bool isWindowOpen, isPerturbed;
    int parts = 1;

    /// <param name="model">In training mode, its parameters in <paramref name="arena"/>.</param>
    /// <param name="arena">The weights. Make the step before a checkpoint is loaded: shrink and perturb keeps the weights as they are
    /// now.</param>
    /// <param name="optimizer">Rule of the update.</param>
    /// <param name="options">What a step does.</param>
    /// <param name="schedule">Learning rate by update.</param>
    /// <param name="rho">Radius of the perturbation; required with one.</param>
    /// <param name="communicator">The processes that train together; none is this one alone. They have the same weights, and the same
    /// number of samples in a batch.</param>
    /// <exception cref="ArgumentException">Options that contradict each other.</exception>
    public TrainingStep(Module model, ParameterArena arena, Optimizer optimizer, StepOptions options, LinearSchedule schedule,
        RhoPolicy? rho = null, Communicator? communicator = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.AccumulationSteps, 1);
        if (options.ShrinkFactor != 0 && !(options.ShrinkFactor is > 0 and <= 1 && schedule.BaseRate > 0))
            throw new ArgumentException($"{TrainOptions.SnpFactorOption} must lie between 0 and 1 and needs a learning rate above 0.");
        (this.model, this.arena, Optimizer, this.options, this.schedule) = (model, arena, optimizer, options, schedule);
        this.rho = rho ?? (options.Perturbation is null
            ? RhoPolicy.Constant(0)
            : throw new ArgumentException("A perturbation needs a radius; give a rho policy."));
        this.communicator = communicator ?? Communicator.Alone;
        exchange = new GradientExchange(optimizer.Layout, this.communicator, options.RoundsExchange);
        if (options.UsesGraphs)
            graphs = MakeGraphs();
        dropouts = DropoutStream.Of(model);
        foreach (var stream in dropouts)
            stream.Rank = this.communicator.Rank;
        dropoutCalls = new ulong[dropouts.Count];
        numbers = new StepNumbers(arena.Weights.Device, dropouts.Count);
        snapshot = new BufferSnapshot(arena.Buffers);
        if (options.ShrinkFactor > 0)
            shrink = new ShrinkAndPerturb(optimizer.Layout);
        if (options.Perturbation is not null)
            perturbed = new PerturbedGradient(model, optimizer, options, numbers, exchange);
        optimizer.LearningRate = schedule.At(0);
    }

    /// <summary>Rule of the update, its state and the learning rate.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Updates of the run so far, skipped ones included.</summary>
    public long Updates { get; private set; }

    /// <summary>Learning rate of the next update.</summary>
    public double LearningRate => Optimizer.LearningRate;

    /// <summary>Radius of the next perturbation; 0 for plain optimizers, and before and after the period that is perturbed.</summary>
    public double Rho => options.Perturbation?.Period.Spans(Updates) == true ? rho.At(LearningRate) : 0;

    /// <summary>Whether steps are replayed as graphs.</summary>
    public bool UsesGraphs => graphs is { IsRefused: false };

    /// <summary>Set it to have steps run launch by launch for a while although there are graphs: for a profile, say.</summary>
    public bool RunsEagerly { get; set; }

    /// <summary>Steps recorded as graphs so far.</summary>
    public int RecordedGraphs => graphs?.Recorded ?? 0;

    /// <summary>Set it before a batch whose report shall have the norm of the perturbation and the cosine of both gradients.</summary>
    public bool Diagnostics { get; set; }

    /// <summary>Trains on one mini-batch; updates the weights when it is the last of its window.</summary>
    /// <param name="images">First dimension: samples.</param>
    /// <param name="labels">One entry a sample.</param>
    /// <param name="batchIndex">Number of the batch in its epoch, from 0.</param>
    /// <param name="batchesPerEpoch">Batches of the epoch.</param>
    /// <exception cref="ArgumentException">The batch cannot be cut into chunks.</exception>
    public void Batch(Tensor images, Tensor labels, int batchIndex, int batchesPerEpoch)
    {
        var window = UpdateWindow.At(batchIndex, batchesPerEpoch, options.AccumulationSteps);
        Prepare(images.Shape[0], window, keepsAverages: batchIndex != 3 * options.AccumulationSteps);
        if (graphs is null || RunsEagerly)
            Run(images, labels, window);
        else
            Replay(graphs, images, labels, window);
        // Those that the others have drawn.
        if (perturbed is not null)
            perturbed.NoiseCalls += (perturbed.NoiseCalls - noiseCalls) * (communicator.Size - 1);
        Finish(window);
    }

    /// <summary>First half of <see cref="Batch"/>: the gradient of the batch is added to that of the window.</summary>
    internal void AddGradient(Tensor images, Tensor labels, UpdateWindow window)
    {
        Prepare(images.Shape[0], window, keepsAverages: true);
        RunGradient(images, labels, window);
    }

    /// <summary>Second half of <see cref="Batch"/>: clipping, update, schedule.</summary>
    internal void Update()
    {
        RunUpdate();
        Finish(new UpdateWindow(IsFirst: false, IsLast: true, Divisor: 1));
    }

    /// <summary>Writes the gradient of the open window, as it is so far and before clipping, into a flat buffer of the arena.</summary>
    internal void CopyGradient(Tensor destination)
    {
        if (gradient.Values.DType == destination.DType)
            MultiTensorOps.Combine(Optimizer.Layout, gradient, 1, accumulate: false, destination);
        else
            MultiTensorOps.Narrow(Optimizer.Layout, gradient.Values, destination);
    }

    /// <summary>Numbers of the last batch and update; waits for the device.</summary>
    public StepReport Report()
    {
        double direction = isPerturbed ? perturbed!.DirectionNorm() : 0;
        double perturbation = double.NaN, cosine = double.NaN;
        if (Diagnostics && perturbed is not null)
        {
            perturbation = isPerturbed ? perturbed.PerturbationNorm() : 0;
            if (isPerturbed && perturbed.HasCleanGradient)
            {
                double[] products = numbers.CleanProducts.ToArray<double>();
                cosine = products[1] / Math.Sqrt(products[0] * products[2]);
            }
        }
        return new(numbers.Loss.Item(), numbers.PerturbLoss.Item(), numbers.LossSum.Item() / parts, numbers.PerturbLossSum.Item() / parts,
            Optimizer.Control.GradientNorm.Item(), direction, perturbation, cosine);
    }

    /// <summary>Sums behind the averages of the epoch, since they were last set; reading waits for the device. Set them where an epoch
    /// begins or goes on.</summary>
    public LossTotals Totals
    {
        get => LossTotals.Read(numbers.LossTotals);
        set => value.Write(numbers.LossTotals);
    }

    /// <summary>Counters for a checkpoint; reading waits for the device. Set it before the tensors of <see cref="State"/> are
    /// restored.</summary>
    public StepProgress Progress
    {
        get => new(Updates, Optimizer.Steps, Optimizer.Skipped, perturbed?.NoiseCalls ?? 0, isWindowOpen);
        set
        {
            (Updates, isWindowOpen) = (value.Updates, value.IsWindowOpen);
            if (perturbed is not null)
                perturbed.NoiseCalls = value.NoiseCalls;
            Optimizer.RestoreCounts(value.OptimizerSteps, value.Skipped);
            Optimizer.LearningRate = schedule.At(Updates);
        }
    }

    /// <summary>
    /// Tensors for a checkpoint, whose contents are restored by overwriting: the optimizer's flat buffers, what the perturbation keeps and,
    /// in an open window, the gradients so far (<c>accumulated_gradient</c>, flat, float64 where they are summed), whether they are finite
    /// (<c>finite</c>), and the model's buffers and what the perturbation keeps at its start (<c>window.NAME</c>).
    /// </summary>
    public IEnumerable<(string Name, Tensor Tensor)> State()
    {
        foreach (var entry in Optimizer.State())
            yield return entry;
        foreach (var entry in perturbed?.State ?? [])
            yield return entry;
        if (!isWindowOpen)
            yield break;
        bool isSummed = options.Perturbation?.Period.Includes(Updates) == true;
        yield return ("accumulated_gradient", isSummed ? perturbed!.Sums : arena.Gradients);
        yield return ("finite", numbers.Finite);
        foreach (var (name, copy) in snapshot.Copies.Concat(perturbed?.StateBefore ?? []))
            yield return ($"window.{name}", copy);
    }

    /// <summary>What the perturbation of this process keeps from one to the next, by the names in <see cref="State"/>.</summary>
    internal IReadOnlyList<(string Name, Tensor Tensor)> OwnState => perturbed?.State ?? [];

    /// <summary>Frees what belongs to the step; the optimizer and the arena are their owners'.</summary>
    public void Dispose()
    {
        graphs?.Dispose();
        numbers.Dispose();
        snapshot.Dispose();
        shrink?.Dispose();
        perturbed?.Dispose();
        exchange.Dispose();
    }

    StepGraphs MakeGraphs() =>
        !arena.Weights.Device.SupportsGraphs
            ? throw new ArgumentException($"{TrainOptions.CudaGraphOption} on: {arena.Weights.Device} has no graphs. "
                + $"Use {TrainOptions.CudaGraphOption} auto, or {RunOptions.DeviceOption} cuda.")
        : options.Perturbation is { IsRandom: true, Noise: not PhiloxNoise }
            ? throw new ArgumentException(
                $"A recorded step draws its random directions on the device: use {nameof(PhiloxNoise)}, or no graphs.")
        : new StepGraphs(arena.Weights.Device, options.RequiresGraphs);

    StepKind Kind(Tensor images, Tensor labels, UpdateWindow window) =>
        new(images.Address, images.Shape, labels.Address, labels.Shape, labels.DType, window, isPerturbed, Diagnostics);

    /// <summary>What the batch has left behind on the host since <see cref="Prepare"/>.</summary>
    StepTrace Trace() => new(gradient, arena.GradientView, [.. dropouts.Select((d, i) => d.Calls - dropoutCalls[i])],
        (perturbed?.NoiseCalls ?? 0) - noiseCalls);

    void PutBack(StepTrace left)
    {
        gradient = left.Gradient;
        arena.GradientView = left.View;
        for (int i = 0; i < dropouts.Count; i++)
            dropouts[i].Calls += left.DropoutCalls[i];
        if (perturbed is not null)
            perturbed.NoiseCalls += left.NoiseCalls;
    }

    /// <summary>What the host does before a batch: it brings the numbers that change from batch to batch to the device.</summary>
    void Prepare(int samples, UpdateWindow window, bool keepsAverages)
    {
        isPerturbed = options.Perturbation?.Period.Includes(Updates) == true;
        parts = isPerturbed ? perturbed!.Prepare(samples, window.Divisor, Diagnostics) : 1;
        for (int i = 0; i < dropoutCalls.Length; i++)
            dropoutCalls[i] = dropouts[i].Calls;
        noiseCalls = perturbed?.NoiseCalls ?? 0;
        double factor = options.ShrinkFactor > 0 ? options.ShrinkFactor * LearningRate / schedule.BaseRate : 0;
        long before = noiseCalls + (communicator.Rank * parts);
        numbers.Begin(new(Rho, factor, keepsAverages, before, options.Perturbation?.Steps ?? 1), dropoutCalls, window.IsFirst);
        isWindowOpen = true;
    }

    void Replay(StepGraphs graphs, Tensor images, Tensor labels, UpdateWindow window)
    {
        if (graphs.Run(Kind(images, labels, window), () => Run(images, labels, window), Trace, Remember) is { } left)
            PutBack(left);
    }

    /// <summary>What puts the host back to where it was after <see cref="Prepare"/>.</summary>
    Action Remember()
    {
        var (before, view) = (gradient, arena.GradientView);
        return () =>
        {
            (gradient, arena.GradientView) = (before, view);
            for (int i = 0; i < dropouts.Count; i++)
                dropouts[i].Calls = dropoutCalls[i];
            if (perturbed is not null)
                perturbed.NoiseCalls = noiseCalls;
        };
    }

    /// <summary>What the device does, the same from batch to batch of a kind.</summary>
    void Run(Tensor images, Tensor labels, UpdateWindow window)
    {
        RunGradient(images, labels, window);
        MultiTensorOps.AddLosses(numbers.Losses, parts, images.Shape[0], numbers.KeepsAverages, numbers.LossTotals);
        if (window.IsLast)
            RunUpdate();
    }

    void RunGradient(Tensor images, Tensor labels, UpdateWindow window)
    {
        using var scope = Scope.Begin();
        if (window.IsFirst)
        {
            shrink?.Apply(numbers.ShrinkFactor);
            snapshot.Save();
            if (isPerturbed)
                perturbed!.SaveState();
        }
        for (int i = 0; i < dropouts.Count; i++)
            dropouts[i].Counter = numbers.DropoutCalls[i];
        try
        {
            gradient = isPerturbed
                ? perturbed!.Batch(images, labels, window)
                : PlainGradient(images, labels, window);
        }
        finally
        {
            GradientSlices.Forget();
            for (int i = 0; i < dropouts.Count; i++)
                dropouts[i].Counter = null;
        }
    }

    void RunUpdate()
    {
        using var range = Ranges.Push(RangeKind.Pass, "update");
        snapshot.RequireFinite(numbers.Finite);
        gradient = Close(gradient);
        // The decomposition of one chunk already knows the norm of its combination.
        if (gradient.Direction is null)
            MultiTensorOps.SquaredNorm(Optimizer.Layout, gradient.Values, Weighting.None, numbers.GradientSquaredNorm);
        MultiTensorOps.BeginUpdate(numbers.GradientSquaredNorm, numbers.Finite, options.ClipNorm, Optimizer.Control);
        Optimizer.Update(gradient);
        snapshot.RestoreIfZero(Optimizer.Control.Proceed);
        if (isPerturbed)
            perturbed!.RestoreStateIfZero(Optimizer.Control.Proceed);
    }

    /// <summary>The gradient of the window as the update takes it: the mean over all processes.</summary>
    UpdateGradient Close(UpdateGradient mine)
    {
        mine = exchange.Complete(mine, numbers.Finite);
        if (mine.Values.DType == arena.Gradients.DType)
            return mine;
        MultiTensorOps.Narrow(Optimizer.Layout, mine.Values, arena.Gradients);
        return new(arena.Gradients);
    }

    /// <summary>What the host does after a batch: after an update, the learning rate of the next one goes to the device.</summary>
    void Finish(UpdateWindow window)
    {
        if (!window.IsLast)
            return;
        isWindowOpen = false;
        Updates++;
        Optimizer.LearningRate = schedule.At(Updates);
    }

    UpdateGradient PlainGradient(Tensor images, Tensor labels, UpdateWindow window)
    {
        arena.ViewGradients(arena.Gradients, accumulate: !window.IsFirst);
        var logits = model.Call(images);
        var loss = options.Loss(logits, labels);
        bool isLast = window.IsLast && perturbed?.ChangesOthers != true;
        if (isLast)
            exchange.Watch();
        if (window.Divisor == 1)
            loss.Backward();
        else
            loss.Backward(loss.EmptyLike().Fill(1.0 / window.Divisor));
        arena.CompleteGradients();
        if (isLast)
            exchange.EndWatch();
        MultiTensorOps.Record(loss, 1, numbers.Loss, numbers.LossSum);
        if (perturbed is null)
            MultiTensorOps.Record(loss, 1, numbers.PerturbLoss, numbers.PerturbLossSum);
        else
            perturbed.RecordUnperturbed(logits, labels, loss);
        return window.IsLast && perturbed is not null ? perturbed.Unperturbed(arena.Gradients) : new(arena.Gradients);
    }
}
