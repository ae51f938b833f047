using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Updates;

/// <summary>What of a window's gradient goes to the other processes while the last backward pass still runs.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class GradientExchangeTests(string device) : DeviceFixture(device)
{
    /// <summary>The gradient itself, and the last of two terms of a sum: the same as without slices, and begun before the pass has
    /// ended.</summary>
    [Test]
    public void SlicesAreOnTheirWayBeforeThePassEnds([Values] bool sums, [Values] bool rounds)
    {
        using var initialization = Initialization.Begin(5, Device);
        var model = new Sequential(new Linear(256, 512), new Linear(512, 256), new Linear(256, 512));
        using ParameterArena arena = new(model);
        using MultiTensorLayout layout = new(arena);
        using Heard heard = new();
        using GradientExchange exchange = new(layout, heard, rounds);
        using var total = Tensor.Persistent(arena.Weights.Shape, DType.Float64, Device).Fill(0);
        using var finite = Tensor.Persistent([1], DType.Float64, Device).Fill(1);

        Pass(model, arena, 1);
        new WindowSum(total, 2, IsBegun: false).Add(layout, new(arena.Gradients));
        double[] before = TinyModels.Read(total);
        Pass(model, arena, 2);
        double[] mine = TinyModels.Read(arena.Gradients);
        exchange.Watch(sums ? new(total, 2, IsBegun: true) : null);
        Pass(model, arena, 2);
        int within = heard.Parts.Count;
        exchange.EndWatch();
        var gradient = exchange.Complete(new(sums ? total : arena.Gradients), finite);

        Assert.That(heard.Parts.Count(static p => p.Operation == ReduceOperation.Mean), Is.EqualTo(3), "a slice for each layer");
        Assert.That(within, Is.EqualTo(3), "all begin within the pass");
        Assert.That(heard.Parts[^1].Operation, Is.EqualTo(ReduceOperation.Min), "whether it is finite comes last");
        Assert.That(gradient.Values.DType, Is.EqualTo(sums && !rounds ? DType.Float64 : DType.Float32));
        double[] expected = sums ? [.. before.Zip(mine, static (b, m) => b + (m / 2))] : mine;
        double[] values = TinyModels.Read(gradient.Values);
        Assert.That(values, Is.EqualTo(expected).Within(sums && rounds ? 1e-6 : 0));
        double[] told = [.. heard.Parts.Take(3).Reverse().SelectMany(static p => p.Values)];
        Assert.That(told, Is.EqualTo(values), "nothing changed once it was told");
        Assert.That(heard.Parts.Take(3).All(p => p.IsRounded == rounds));
    }

    void Pass(Module model, ParameterArena arena, int seed)
    {
        using var scope = Scope.Begin();
        float[] input = [.. Enumerable.Range(0, 2 * 256).Select(i => (float)Math.Sin((i + 1) * seed))];
        arena.ViewGradients(arena.Gradients);
        Ops.Sum(Ops.Gelu(model.Call(Tensor.From(input, [2, 256], Device)))).Backward();
        arena.CompleteGradients();
    }

    /// <summary>Two members, of which the other always has the same.</summary>
    sealed class Heard : Communicator
    {
        public List<(ReduceOperation Operation, bool IsRounded, double[] Values)> Parts { get; } = [];

        public override string Name => "heard";

        public override int Rank => 0;

        public override int Size => 2;

        public override CommunicationTimes Times => default;

        public override void BeginAllReduce(Tensor values, ReduceOperation operation) =>
            Parts.Add((operation, false, TinyModels.Read(values)));

        public override void BeginAllReduceRounded(Tensor values, ReduceOperation operation) =>
            Parts.Add((operation, true, TinyModels.Read(values)));

        public override void Complete()
        {
        }

        public override void Broadcast(Tensor values, int root) => throw new NotSupportedException();

        public override void AllGather(Tensor part, Tensor all) => throw new NotSupportedException();

        public override void Barrier() => throw new NotSupportedException();

        public override Communicator Split(int color) => throw new NotSupportedException();

        public override void Abort(string reason)
        {
        }

        public override void Dispose()
        {
        }
    }
}
