using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Dnn;

/// <summary>Which algorithms are chosen, once for each shape.</summary>
sealed class ConvolutionPlanTests
{
    const ConvolutionDirection Forward = ConvolutionDirection.Forward, BackwardData = ConvolutionDirection.BackwardData,
        BackwardFilter = ConvolutionDirection.BackwardFilter;

    static readonly ConvolutionShape shape = new(2, 6, 5, 4, 8, 3, 3, 1, 1, 1, 1);

    SmallGpu gpu = null!;

    [SetUp]
    public void Open() => gpu = new SmallGpu();

    [TearDown]
    public void Close() => gpu.Dispose();

    [Test]
    public void ThePreferredAlgorithmThatCanBeUsedIsTaken()
    {
        using Cudnn cudnn = Start();
        ConvolutionPlan plan = cudnn.Plan(shape, tf32: false, deterministic: false);
        // The heuristics' first entries for forward (WINOGRAD) and backward data cannot do NHWC; that of the filters can.
        Assert.That(plan.AlgorithmOf(Forward), Is.EqualTo(new ConvolutionAlgorithm(1, CudnnMathType.Fma, true, 16 * 9 * 4)));
        Assert.That(plan.AlgorithmOf(BackwardData), Is.EqualTo(new ConvolutionAlgorithm(0, CudnnMathType.Fma, false, 0)));
        Assert.That(plan.AlgorithmOf(BackwardFilter), Is.EqualTo(new ConvolutionAlgorithm(0, CudnnMathType.Fma, false, 0)));
        Assert.That(plan.Shape, Is.EqualTo(shape));
    }

    [Test]
    public void DeterministicPlansHaveDeterministicAlgorithmsOnly()
    {
        using Cudnn cudnn = Start();
        ConvolutionPlan plan = cudnn.Plan(shape, tf32: false, deterministic: true);
        Assert.That(plan.AlgorithmOf(Forward).Number, Is.EqualTo(1));
        Assert.That(plan.AlgorithmOf(BackwardData),
            Is.EqualTo(new ConvolutionAlgorithm(1, CudnnMathType.Fma, true, 4 * shape.FilterCount)));
        Assert.That(plan.AlgorithmOf(BackwardFilter),
            Is.EqualTo(new ConvolutionAlgorithm(1, CudnnMathType.Fma, true, 4 * shape.FilterCount * 2)));
    }

    [Test]
    public void MathTypesAreFmaForFloat32AndThoseOfTheHeuristicsForTf32()
    {
        using Cudnn cudnn = Start();
        ConvolutionPlan plan = cudnn.Plan(shape, tf32: true, deterministic: true);
        Assert.That(Directions.Select(direction => plan.AlgorithmOf(direction).MathType),
            Is.All.EqualTo(CudnnMathType.Default));
        Assert.That(cudnn.Plan(shape, tf32: true, deterministic: false).AlgorithmOf(BackwardFilter).MathType,
            Is.EqualTo(CudnnMathType.Fma),
            "algorithm 0 has no matrix units");
    }

    [Test]
    public void TheWorkspaceLimitHolds()
    {
        using Cudnn none = new(gpu.Context, gpu.Driver.Cudnn, workspaceLimit: 0);
        Assert.That(none.Plan(shape, tf32: false, deterministic: false).AlgorithmOf(Forward),
            Is.EqualTo(new ConvolutionAlgorithm(0, CudnnMathType.Fma, true, 0)));
        using Cudnn just = new(gpu.Context, gpu.Driver.Cudnn, workspaceLimit: 16 * 9 * 4),
            less = new(gpu.Context, gpu.Driver.Cudnn, workspaceLimit: (16 * 9 * 4) - 1);
        Assert.That(just.Plan(shape, tf32: false, deterministic: false).AlgorithmOf(Forward).Number, Is.EqualTo(1));
        Assert.That(less.Plan(shape, tf32: false, deterministic: false).AlgorithmOf(Forward).Number, Is.Zero);
    }

    [Test]
    public void ADirectionHasNoAlgorithmForItselfAlone()
    {
        using Cudnn none = new(gpu.Context, gpu.Driver.Cudnn, workspaceLimit: 0);
        ConvolutionPlan plan = none.Plan(shape, tf32: false, deterministic: true);
        Assert.That(Directions.Select(plan.Has), Is.EqualTo(new[] { true, false, false }), "deterministic gradients need a workspace");
        Assert.That(none.Plan(shape, tf32: false, deterministic: true), Is.SameAs(plan), "that there is none is remembered too");
    }

    [Test]
    public void TheNextTakesThePlaceOfOneThatFails()
    {
        using Cudnn cudnn = Start();
        ConvolutionPlan plan = cudnn.Plan(shape, tf32: false, deterministic: false);
        Assert.That(Directions.Select(direction => Left(plan, direction)), Is.EqualTo(new[]
        {
            new[] { 1, 0 }, [0, 1], [0, 3, 1],
        }));
    }

    [Test]
    public void HeuristicsThatFailLeaveTheirDirectionWithout([Values(3000, 3009, 4000, 5000)] int status)
    {
        gpu.Driver.Refuse(new("cudnnGetConvolutionBackwardDataAlgorithm", status));
        using Cudnn cudnn = Start();
        ConvolutionPlan plan = cudnn.Plan(shape, tf32: false, deterministic: false);
        Assert.That(Directions.Select(plan.Has), Is.EqualTo(new[] { true, false, true }));
    }

    [Test]
    public void HeuristicsThatAreAskedWronglyAreAFault()
    {
        gpu.Driver.Refuse(new("cudnnGetConvolutionForwardAlgorithm", (int)CudnnStatus.BadParam));
        using Cudnn cudnn = Start();
        Assert.That(() => cudnn.Plan(shape, tf32: false, deterministic: false), Throws.TypeOf<CudaLibraryException>());
    }

    static IEnumerable<ConvolutionDirection> Directions => Enum.GetValues<ConvolutionDirection>();

    static int[] Left(ConvolutionPlan plan, ConvolutionDirection direction)
    {
        List<int> numbers = [];
        for (; plan.Has(direction); plan.TakeNext(direction))
            numbers.Add(plan.AlgorithmOf(direction).Number);
        return [.. numbers];
    }

    [Test]
    public void AShapeIsPlannedOnce()
    {
        using Cudnn cudnn = Start();
        ConvolutionPlan first = cudnn.Plan(shape, tf32: false, deterministic: false);
        Assert.That(cudnn.Plan(new(2, 6, 5, 4, 8, 3, 3, 1, 1, 1, 1), tf32: false, deterministic: false), Is.SameAs(first));
        Assert.That(cudnn.PlanCount, Is.EqualTo(1));
        ConvolutionShape[] others = [shape with { N = 3 }, shape with { StrideWidth = 2 }, shape with { PaddingHeight = 2 },
            shape with { DilationWidth = 2 }, shape with { Groups = 2 }];
        foreach (ConvolutionShape other in others)
            Assert.That(cudnn.Plan(other, tf32: false, deterministic: false).Shape, Is.EqualTo(other));
        Assert.That(cudnn.Plan(shape, tf32: true, deterministic: false), Is.Not.SameAs(first));
        Assert.That(cudnn.Plan(shape, tf32: false, deterministic: true), Is.Not.SameAs(first));
        Assert.That(cudnn.PlanCount, Is.EqualTo(others.Length + 3));
    }

    static IEnumerable<ConvolutionShape> NoConvolutions() =>
    [
        shape with { N = 0 }, shape with { Height = 0 }, shape with { Channels = 0 }, shape with { Filters = -1 },
            shape with { KernelWidth = 0 }, shape with { StrideHeight = 0 },
        shape with { PaddingWidth = -1 }, shape with { DilationHeight = 0 }, shape with { Groups = 0 }, shape with { Groups = 3 },
        shape with { KernelHeight = 9 },
        shape with { Channels = 6, Groups = 4 }, shape with { DilationWidth = 4 },
    ];

    [TestCaseSource(nameof(NoConvolutions))]
    public void WhatIsNoConvolutionIsRefused(ConvolutionShape wrong)
    {
        using Cudnn cudnn = Start();
        Assert.That(() => cudnn.Plan(wrong, tf32: false, deterministic: false),
            Throws.ArgumentException.With.Message.Contains("No convolution").And.Message.Contains($"{wrong.Groups} groups"));
        Assert.That(cudnn.PlanCount, Is.Zero);
    }

    [Test]
    public void SizesFollowTheFormula()
    {
        ConvolutionShape odd = new(1, 11, 10, 4, 6, 3, 2, 2, 3, 1, 0, 2, 4, 2);
        Assert.That((odd.OutputHeight, odd.OutputWidth), Is.EqualTo((5, 2)));
        Assert.That((odd.InputCount, odd.FilterCount, odd.OutputCount), Is.EqualTo((440L, 72L, 60L)));
        Assert.That(odd.FloatingPointOperations, Is.EqualTo(2 * 60 * 12));
    }

    [Test]
    public void DescriptorsAndHandleAreGivenBack()
    {
        int before = Handles.Count;
        Cudnn cudnn = Start();
        cudnn.Plan(shape, tf32: false, deterministic: false);
        cudnn.Plan(shape, tf32: true, deterministic: true);
        Assert.That(Handles.Count, Is.EqualTo(before + 1 + (2 * 6)));
        cudnn.Dispose();
        cudnn.Dispose();
        Assert.That(Handles.Count, Is.EqualTo(before));
        Assert.That(() => cudnn.Plan(shape, tf32: false, deterministic: false), Throws.TypeOf<ObjectDisposedException>());
        using Cudnn none = new(gpu.Context, gpu.Driver.Cudnn, workspaceLimit: 0);
        none.Plan(shape, tf32: false, deterministic: true);
        Assert.That(Handles.Count, Is.EqualTo(before + 1 + 6), "a plan of which a direction comes to nothing is one all the same");
    }

    Cudnn Start() => new(gpu.Context, gpu.Driver.Cudnn);
}
