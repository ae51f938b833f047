using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Catalogue;
using PerturbedForgetting.Tests.Cuda;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>What holds for every operation of the catalogue, on every device.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names)), NonParallelizable]
sealed class OperationTests(string device) : DeviceFixture(device)
{
    /// <summary>Not so many elements that a device without speed takes long.</summary>
    const int MostPoisoned = 2000;

    static readonly float[] special =
        [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, 100, -100, 1e-40f, float.MaxValue, float.MinValue];

    static IReadOnlyList<Operation> All => OperationCatalogue.All;

    static IEnumerable<Operation> WithGradients => All.Where(static o => o.Gradient != GradientKind.None);

    static IEnumerable<Operation> OfProbabilities => All.Where(static o =>
        new[] { "Softmax", "LogSoftmax", "CrossEntropy", "BinaryCrossEntropy", "OutputBiasForget" }.Any(o.Name.StartsWith));

    static IEnumerable<Operation> Maps => All.Where(static o => o.IsElementwise && o.Small[0].All(s => s == o.Small[0][0]));

    /// <summary>Gradients are those of the differences, on the CPU, and float32 is near float64, on every device: of inputs that are
    /// parameters, and of ones that are used twice, also behind another operation.</summary>
    [TestCaseSource(nameof(WithGradients))]
    public void GradientsAreThoseOfTheDifferences(Operation operation)
    {
        bool isDerivative = operation.Gradient == GradientKind.Derivative;
        foreach (Shape[] shapes in operation.Small)
        {
            GradientCheck.Run(operation.Run, isDerivative, shapes);
            GradientCheck.Run(x => Ops.Add(operation.Run(Halves(x)), operation.Run(x)), isDerivative, shapes);
        }

        static Tensor[] Halves(Tensor[] x) => [.. x.Select(static t => Ops.Scale(t, -0.5))];
    }

    /// <summary>Probabilities are those of float64 however large the numbers are that they are made of: nothing is rounded to the size of a
    /// logit that its own size does not excuse.</summary>
    [TestCaseSource(nameof(OfProbabilities))]
    public void LargeInputsKeepTheirDigits(Operation operation)
    {
        // Of tens of thousands of numbers a row, the sums alone take more than the criterion leaves.
        const int MostColumns = 2000;
        Shape[] shapes = operation.Small.Concat(operation.Edges).MaxBy(static s => s[0][-1] <= MostColumns ? s[0][-1] : 0)!;
        foreach (double factor in (double[])[8, 64, 512])
            GradientCheck.OfLargeInputs(operation.Run, factor, shapes);
    }

    /// <summary>Results and gradients are those of the CPU, within the operation's own bounds, and have the same bits in a second
    /// run.</summary>
    [TestCaseSource(nameof(All))]
    public void DevicesAgreeAndTwoRunsHaveTheSameBits(Operation operation)
    {
        foreach (Shape[] shapes in (Shape[][])[.. operation.Small, .. operation.Edges])
        {
            var run = new OperationRun(operation, shapes);
            float[][] first = run.On(Device), second = run.On(Device);
            for (int i = 0; i < first.Length; i++)
                Assert.That(second[i].AsSpan().SequenceEqual(first[i]), $"{run.Words(i)} in a second run");
            RequireTheCpus(run, first);
        }
    }

    /// <summary>Views begin at any element, where a device's accesses of 16 bytes do not.</summary>
    [TestCaseSource(nameof(All))]
    public void InputsMayBeViewsThatBeginAnywhere(Operation operation)
    {
        Shape[][] shapes = [.. operation.Edges, .. operation.Small];
        // Rows of whole vectors are what accesses of 16 bytes are for.
        var run = new OperationRun(operation, shapes.FirstOrDefault(static s => s[0].Rank > 0 && s[0][-1] % 4 == 0) ?? shapes[0]);
        for (int before = 1; before < 4; before++)
            RequireTheCpus(run, run.On(Device, before: before));
    }

    /// <summary>A gradient alone is the one that comes with the others.</summary>
    [TestCaseSource(nameof(WithGradients))]
    public void GradientsThatAreNotWantedAreNotNeeded(Operation operation)
    {
        Shape[] shapes = operation.Small.Concat(operation.Edges).First();
        var run = new OperationRun(operation, shapes);
        float[][] all = run.On(Device);
        for (int i = 1; i <= shapes.Length; i++)
            KernelFixture.AssertClose(run.On(Device, wanted: i - 1)[1], all[i], run.Bound(i).Relative, run.Bound(i).Absolute, run.Words(i));
    }

    /// <summary>What is no number stays where it may go, and shows; all else is as on the CPU.</summary>
    [TestCaseSource(nameof(All))]
    public void NotANumberStaysWhereItBelongs(Operation operation)
    {
        Shape[] shapes = operation.Small.Concat(operation.Edges).MaxBy(static s => s[0].Count <= MostPoisoned ? s[0].Count : 0)!;
        var run = new OperationRun(operation, shapes);
        bool isSeen = false;
        foreach ((float[] values, Shape shape, long at) in run.Places())
        {
            float good = values[at];
            foreach (float bad in (float[])[float.NaN, float.PositiveInfinity])
            {
                values[at] = bad;
                float[][] results = run.On(Device);
                isSeen |= results.Any(static r => r.Any(static v => !float.IsFinite(v)));
                for (int i = 0; i < results.Length; i++)
                {
                    for (int j = 0; j < results[i].Length; j++)
                    {
                        if (!float.IsFinite(results[i][j]) && !run.Reaches(shape, at, run.ShapeOf(i), j))
                            Assert.Fail($"{bad} at {at} of {shape} reached element {j} of {run.Words(i)}");
                    }
                }
                // What becomes of infinity where it may go depends on the order of sums.
                RequireTheCpus(run, results, but: float.IsNaN(bad) ? null : (i, j) => run.Reaches(shape, at, run.ShapeOf(i), j));
            }
            values[at] = good;
        }
        Assert.That(isSeen || operation.HidesNaN, "a broken input shows");
    }

    [TestCaseSource(nameof(Maps))]
    public void SpecialNumbersAreThoseOfTheCpu(Operation operation)
    {
        var run = new OperationRun(operation, [.. operation.Small[0].Select(static _ => new Shape(4, 17))]);
        for (int i = 0; i < run.Inputs.Length; i++)
            special.CopyTo(run.Inputs[i], 3 * i);
        RequireTheCpus(run, run.On(Device));
    }

    void RequireTheCpus(OperationRun run, float[][] actual, Func<int, int, bool>? but = null)
    {
        if (Device == Device.Cpu)
            return;
        float[][] expected = run.On(Device.Cpu);
        for (int i = 0; i < actual.Length; i++)
        {
            for (int j = 0; but is not null && j < actual[i].Length; j++)
                actual[i][j] = but(i, j) ? expected[i][j] : actual[i][j];
            KernelFixture.AssertClose(actual[i], expected[i], run.Bound(i).Relative, run.Bound(i).Absolute, run.Words(i));
        }
    }
}
