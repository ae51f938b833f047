using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors.Autograd;

/// <summary>Parts of gradients are told when they are whole, each once, and not before.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
sealed class GradientSlicesTests(string device) : DeviceFixture(device)
{
    [TestCase(1, 4), TestCase(20, 2), TestCase(40, 2), TestCase(1000, 1)]
    public void EachSliceIsToldOnceWhenItIsWhole(int elements, int count)
    {
        using var initialization = Initialization.Begin(3, Device);
        var model = new Chain(frozen: false);
        using var arena = new ParameterArena(model);
        GradientSlices slices = new(arena, elements);
        Assert.That(slices.Count, Is.EqualTo(count));
        List<(long First, float[] Values)> told = Told(model, arena, slices);
        float[] final = arena.Gradients.ToArray<float>();
        Assert.That(told, Has.Count.EqualTo(count));
        Assert.That(told.Select(static t => t.First), Is.Ordered.Descending, "the last layers come first");
        Assert.That(told.Sum(static t => t.Values.Length), Is.EqualTo(final.Length), "all of the arena, each part once");
        foreach (var (first, values) in told)
            Assert.That(values, Is.EqualTo(final[(int)first..((int)first + values.Length)]), "nothing came later");
    }

    /// <summary>A weight that is used twice is whole after the earlier use, which comes later in the backward pass; a frozen one, and one
    /// that is not used, are told at the end.</summary>
    [Test]
    public void FrozenAndUnusedPartsAreToldAtTheEnd()
    {
        using var initialization = Initialization.Begin(3, Device);
        var model = new Chain(frozen: true);
        using var arena = new ParameterArena(model);
        var told = Told(model, arena, new GradientSlices(arena, 1));
        float[] final = arena.Gradients.ToArray<float>();
        Assert.That(told, Has.Count.EqualTo(4));
        Assert.That(told.Skip(2).Select(static t => t.First), Is.Ordered.Descending);
        foreach (var (first, values) in told)
            Assert.That(values, Is.EqualTo(final[(int)first..((int)first + values.Length)]));
    }

    [Test]
    public void OnlyTheNextPassIsListenedTo()
    {
        using var initialization = Initialization.Begin(3, Device);
        var model = new Chain(frozen: false);
        using var arena = new ParameterArena(model);
        GradientSlices slices = new(arena, 1);
        Told(model, arena, slices);
        slices.Watch(static (_, _) => Assert.Fail("nobody listens"));
        GradientSlices.Forget();
        Backward(model);
    }

    List<(long First, float[] Values)> Told(Chain model, ParameterArena arena, GradientSlices slices)
    {
        List<(long, float[])> told = [];
        arena.ViewGradients(arena.Gradients);
        // A device that works on its own has done what it was given by the time that it is read.
        slices.Watch((first, count) => told.Add((first, arena.Gradients.Rows(first, count).ToArray<float>())));
        Backward(model);
        arena.CompleteGradients();
        slices.End();
        return told;
    }

    void Backward(Chain model)
    {
        using var scope = Scope.Begin();
        float[] input = [.. Enumerable.Range(0, 8).Select(static i => (float)Math.Sin(i + 1))];
        Ops.Sum(model.Call(Tensor.From(input, [2, 4], Device))).Backward();
    }

    /// <summary>Four weights of 16 numbers, of which the first is used twice.</summary>
    sealed class Chain : Module
    {
        readonly Parameter[] weights;
        readonly bool skipsLast;

        public Chain(bool frozen)
        {
            weights = [.. Enumerable.Range(0, 4).Select(i => Register($"w{i}",
                new Parameter(Initialization.Current.Constant([4, 4], 0.1 * (i + 1)))))];
            weights[1].IsTrainable = !frozen;
            skipsLast = frozen;
        }

        protected override Tensor Forward(Tensor x)
        {
            Tensor y = Ops.Gelu(Ops.Linear(x, weights[0], null));
            y = Ops.Gelu(Ops.Linear(y, weights[1], null));
            y = Ops.Gelu(Ops.Linear(y, weights[0], null) + Ops.Linear(y, weights[2], null));
            return skipsLast ? y : Ops.Linear(y, weights[3], null);
        }
    }
}
