using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>A tiny network with batch norm, dropout and an unused weight, in training on a device, from one buffer of input.</summary>
sealed class DeviceRun : IDisposable
{
    /// <summary>Batches of an epoch; the last one is shorter.</summary>
    public const int Batches = 5;

    const int Pixels = 6, Classes = 5, BatchSize = 8, LastBatchSize = 4;

    readonly Net model;
    readonly Optimizer optimizer;
    readonly Tensor images, labels;

    public DeviceRun(TinySettings settings, Device device, bool usesGraphs, bool requiresGraphs = false)
    {
        using (Initialization.Begin(3, device))
            model = new Net();
        Arena = new ParameterArena(model);
        optimizer = settings.Optimizer(Arena);
        var schedule = new LinearSchedule(settings.Rate, 0, 0.01, 1, 10, UpdateWindow.PerEpoch(Batches, settings.Accumulation));
        var options = settings.Step() with { UsesGraphs = usesGraphs, RequiresGraphs = requiresGraphs };
        Step = new TrainingStep(model, Arena, optimizer, options, schedule,
            RhoPolicy.Create(RhoPolicyKind.LrProportional, 0.1, 0.02, schedule));
        (images, labels) = (Tensor.Persistent([BatchSize, Pixels, Pixels, 3], DType.Float32, device),
            Tensor.Persistent([BatchSize], DType.Int32, device));
    }

    public ParameterArena Arena { get; }

    public TrainingStep Step { get; }

    /// <summary>Number of the next batch.</summary>
    public int Next { get; set; }

    /// <summary>What the steps reported, and the flags that they left at the gradients.</summary>
    public List<string> Reports { get; } = [];

    /// <summary>Trains on the next batches, which depend on their number alone, without reading anything.</summary>
    public DeviceRun Train(int count, bool reads = true)
    {
        for (int i = 0; i < count; i++, Next++)
        {
            int size = Next % Batches == Batches - 1 ? LastBatchSize : BatchSize;
            var random = new Random(100 + Next);
            Tensor x = images.Rows(0, size), y = labels.Rows(0, size);
            x.CopyFrom<float>([.. Enumerable.Range(0, (int)x.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
            y.CopyFrom<int>([.. Enumerable.Range(0, size).Select(_ => random.Next(Classes))]);
            y.KnownBelow = Classes;
            Step.Batch(x, y, Next % Batches, Batches);
            if (reads)
                Reports.Add($"{Step.Report()} {Step.Progress} {Step.Totals} {Step.LearningRate:R} "
                    + $"{string.Join(' ', DropoutStream.Of(model).Select(static d => d.Calls))} "
                    + string.Join(' ', Arena.Segments.Select(static s => s.Parameter.HasGrad)));
        }
        return this;
    }

    /// <summary>Everything that training changes: weights, buffers, optimizer state, and in an open window what it has gathered.</summary>
    public double[][] State() =>
    [
        TinyModels.Read(Arena.Weights),
        .. model.State().Where(static e => e.Tensor is not Parameter).Select(static e => TinyModels.Read(e.Tensor)),
        .. Step.State().Select(static e => TinyModels.Read(e.Tensor)),
        TinyModels.Read(Arena.Segments[0].Parameter.Grad!),
    ];

    /// <summary>Takes over from another run, as a checkpoint does.</summary>
    public DeviceRun ContinueFrom(DeviceRun other)
    {
        Next = other.Next;
        Arena.Weights.CopyFrom<float>(other.Arena.Weights.ToArray<float>());
        foreach (var (own, others) in model.State().Zip(other.model.State()).Where(static p => p.First.Tensor is not Parameter))
            Copy(others.Tensor, own.Tensor);
        foreach (var (own, others) in DropoutStream.Of(model).Zip(DropoutStream.Of(other.model)))
            own.Calls = others.Calls;
        Step.Progress = other.Step.Progress;
        Step.Totals = other.Step.Totals;
        foreach (var (own, others) in Step.State().Zip(other.Step.State()))
            Copy(others.Tensor, own.Tensor);
        return this;
    }

    public void Dispose()
    {
        Step.Dispose();
        optimizer.Dispose();
        Arena.Dispose();
        images.Dispose();
        labels.Dispose();
    }

    static void Copy(Tensor from, Tensor to)
    {
        switch (from.DType)
        {
            case DType.Float32: to.CopyFrom<float>(from.ToArray<float>()); break;
            case DType.Float64: to.CopyFrom<double>(from.ToArray<double>()); break;
            default: to.CopyFrom<long>(from.ToArray<long>()); break;
        }
    }

    sealed class Net : Module
    {
        readonly Conv2d conv;
        readonly BatchNorm2d bn;
        readonly Dropout dropout;
        readonly Linear fc;

        public Net()
        {
            conv = Register("conv", new Conv2d(3, 4, 3, padding: 1, bias: false));
            bn = Register("bn", new BatchNorm2d(4));
            Register("unused", new Linear(2, 3));
            dropout = Register("drop", new Dropout(0.3));
            fc = Register("fc", new Linear(4, Classes));
        }

        protected override Tensor Forward(Tensor x) => fc.Call(dropout.Call(Ops.GlobalAvgPool2d(bn.Call(conv.Call(x), null, relu: true))));
    }
}
