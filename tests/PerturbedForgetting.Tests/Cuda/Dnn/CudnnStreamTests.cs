using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Dnn;

/// <summary>Convolutions as work of a stream: order, graphs, memory checks and counters of the software GPU.</summary>
sealed class CudnnStreamTests
{
    static readonly ConvolutionShape shape = new(2, 5, 4, 3, 2, 3, 3, 1, 1, 1, 1);

    readonly List<IDisposable> opened = [];
    SmallGpu gpu = null!;
    CudaStream stream = null!;
    Cudnn cudnn = null!;
    ConvolutionPlan plan = null!;
    DeviceBuffer<float> x = null!, w = null!, y = null!;
    DeviceBuffer<byte> workspace = null!;

    [SetUp]
    public void Open() => Open(new SimulatedDeviceOptions { Workers = 1 });

    [TearDown]
    public void Close()
    {
        foreach (IDisposable resource in opened)
            resource.Dispose();
        opened.Clear();
    }

    [Test]
    public void ACaptureRunsNothingAndEachLaunchAll()
    {
        gpu.Driver.ResetCounters();
        stream.BeginCapture();
        Forward(accumulate: false);
        plan.Run(ConvolutionDirection.BackwardData, w, y, x, workspace, workspace.Bytes, accumulate: true);
        plan.Run(ConvolutionDirection.BackwardFilter, x, y, w, workspace, workspace.Bytes, accumulate: true);
        using CudaGraph graph = stream.EndCapture();
        Assert.That(graph.NodeCount, Is.EqualTo(3));
        Assert.That(gpu.Driver.Counters, Is.Empty);
        float[] before = x.ToArray();
        using CudaGraphExecutable ready = graph.Instantiate();
        ready.Launch(stream);
        stream.Synchronize();
        float[] after = x.ToArray();
        Assert.That(after, Is.Not.EqualTo(before));
        ready.Launch(stream);
        stream.Synchronize();
        Assert.That(x.ToArray(), Is.Not.EqualTo(after), "the second launch computes with what the first left");
        Assert.That(gpu.Driver.Counters.Values.Select(c => c.Launches), Is.EqualTo(new long[] { 2, 2, 2 }));
    }

    [Test]
    public void AGraphGivesTheBitsOfPlainCalls()
    {
        Forward(accumulate: false);
        stream.Synchronize();
        float[] plain = y.ToArray();
        stream.BeginCapture();
        Forward(accumulate: false);
        using CudaGraphExecutable ready = stream.EndCapture().Instantiate();
        stream.FillBytes(y, 0xFF, y.Bytes);
        gpu.Context.Synchronize();
        ready.Launch(stream);
        stream.Synchronize();
        Assert.That(y.ToArray(), Is.EqualTo(plain));
    }

    [Test]
    public void CountersTellWhatTheLibraryMovesAtLeast()
    {
        gpu.Driver.ResetCounters();
        Forward(accumulate: false);
        plan.Run(ConvolutionDirection.BackwardData, w, y, x, workspace, workspace.Bytes);
        plan.Run(ConvolutionDirection.BackwardFilter, x, y, w, workspace, workspace.Bytes, accumulate: true);
        stream.Synchronize();
        long bytesX = 4 * shape.InputCount, bytesW = 4 * shape.FilterCount, bytesY = 4 * shape.OutputCount;
        Assert.Multiple(() =>
        {
            AssertCounts("cudnn convolution forward", bytesX + bytesW, bytesY);
            AssertCounts("cudnn convolution backward data", bytesW + bytesY, bytesX);
            AssertCounts("cudnn convolution backward filter", bytesX + bytesY + bytesW, bytesW);
        });
    }

    [Test]
    public void TheObserverOfTheStreamSeesEachCall()
    {
        var seen = new Names();
        stream.Observer = seen;
        Forward(accumulate: false);
        plan.Run(ConvolutionDirection.BackwardData, w, y, x, workspace, workspace.Bytes);
        plan.Run(ConvolutionDirection.BackwardFilter, x, y, w, workspace, workspace.Bytes);
        stream.Synchronize();
        Assert.That(seen.Seen, Is.EqualTo(new[]
        {
            "> cudnn convolution forward", "< cudnn convolution forward", "> cudnn convolution backward data",
                "< cudnn convolution backward data",
            "> cudnn convolution backward filter", "< cudnn convolution backward filter",
        }));
        Assert.That(gpu.Driver.Counters.Keys, Is.SubsetOf(seen.Seen.Select(name => name[2..])));
    }

    [Test]
    public void WhatWasNeverWrittenIsNotRead()
    {
        DeviceBuffer<float> empty = gpu.Context.Allocate<float>(shape.OutputCount);
        plan.Run(ConvolutionDirection.Forward, x, w, empty, workspace, workspace.Bytes);
        Assert.That(stream.Synchronize, Throws.Nothing, "an output need not have been written");
        DeviceBuffer<float> other = gpu.Context.Allocate<float>(shape.OutputCount);
        plan.Run(ConvolutionDirection.Forward, x, w, other, workspace, workspace.Bytes, accumulate: true);
        Assert.That(stream.Synchronize, Throws.TypeOf<CudaException>()
            .With.Message.Contains("y of cudnn convolution forward on stream 1: byte 0").And.Message.Contains("was never written"));
    }

    [Test]
    public void MemoryThatIsTooShortIsFound()
    {
        DeviceBuffer<float> shorter = gpu.Context.Allocate<float>(shape.OutputCount - 1);
        plan.Run(ConvolutionDirection.Forward, x, w, shorter, workspace, workspace.Bytes);
        CudaException error = Assert.Throws<CudaException>(stream.Synchronize)!;
        Assert.That(error.Message, Does.Contain("y of cudnn convolution forward").And.Contain("past the end"));
        // The context is lost: the library says so, and why.
        CudaLibraryException later = Assert.Throws<CudaLibraryException>(() => Forward(accumulate: false))!;
        Assert.That(later.Message, Does.Contain("CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER (5001").And.Contain("past the end"));
    }

    [Test]
    public void AnOutputThatLiesInItsInputIsFound()
    {
        plan.Run(ConvolutionDirection.Forward, x, w, x, workspace, workspace.Bytes);
        Assert.That(stream.Synchronize, Throws.TypeOf<CudaException>()
            .With.Message.Contains("y of cudnn convolution forward on stream 1 overlaps x"));
    }

    [Test]
    public void AWorkspaceServesOneStreamAtATime()
    {
        Assert.That(plan.AlgorithmOf(ConvolutionDirection.Forward).WorkspaceBytes, Is.Positive);
        DeviceBuffer<float> other = gpu.Context.Allocate<float>(shape.OutputCount);
        CudaStream second = gpu.Context.CreateStream();
        Forward(accumulate: false);
        cudnn.SetStream(second);
        plan.Run(ConvolutionDirection.Forward, x, w, other, workspace, workspace.Bytes);
        Assert.That(gpu.Context.Synchronize, Throws.TypeOf<CudaException>().With.Message.Contains("workspace")
            .And.Message.Contains("nothing orders the two"));
    }

    [Test]
    public void AnotherStreamNeedsAnEvent([Values] bool isOrdered)
    {
        CudaStream second = gpu.Context.CreateStream();
        Forward(accumulate: false);
        if (isOrdered)
        {
            using CudaEvent done = gpu.Context.CreateEvent();
            done.Record(stream);
            second.Wait(done);
        }
        second.FillWords(y, 0, shape.OutputCount);
        Assert.That(gpu.Context.Synchronize, isOrdered
            ? Throws.Nothing
            : Throws.TypeOf<CudaException>().With.Message.Contains("cudnn convolution forward on stream 1"));
    }

    [Test]
    public void TheNumberOfWorkersChangesNoBit()
    {
        ConvolutionShape larger = new(3, 12, 11, 6, 20, 3, 3, 1, 1, 1, 1, 1, 1, 2);
        var random = new Random(TestContext.CurrentContext.Random.Next());
        float[] onX = Numbers(random, larger.InputCount), onW = Numbers(random, larger.FilterCount),
            onY = Numbers(random, larger.OutputCount);
        (float[] Y, float[] X, float[] W) one = All(larger, onX, onW, onY);
        Close();
        Open(new SimulatedDeviceOptions { Workers = 3 });
        (float[] Y, float[] X, float[] W) three = All(larger, onX, onW, onY);
        Assert.That(three.Y, Is.EqualTo(one.Y));
        Assert.That(three.X, Is.EqualTo(one.X));
        Assert.That(three.W, Is.EqualTo(one.W));
    }

    void Open(SimulatedDeviceOptions options)
    {
        gpu = new SmallGpu(options);
        opened.Add(gpu);
        stream = gpu.Context.CreateStream();
        cudnn = new Cudnn(gpu.Context, gpu.Driver.Cudnn);
        cudnn.SetStream(stream);
        plan = cudnn.Plan(shape, tf32: false, deterministic: true);
        var random = new Random(TestContext.CurrentContext.Random.Next());
        (x, w, y) = (Filled(random, shape.InputCount), Filled(random, shape.FilterCount), Filled(random, shape.OutputCount));
        workspace = gpu.Context.Allocate<byte>(1 << 16);
    }

    void Forward(bool accumulate) => plan.Run(ConvolutionDirection.Forward, x, w, y, workspace, workspace.Bytes, accumulate);

    (float[] Y, float[] X, float[] W) All(ConvolutionShape shape, float[] onX, float[] onW, float[] onY)
    {
        ConvolutionPlan larger = cudnn.Plan(shape, tf32: true, deterministic: true);
        DeviceBuffer<float> a = gpu.Context.Allocate<float>(onX), b = gpu.Context.Allocate<float>(onW),
            c = gpu.Context.Allocate<float>(onY);
        DeviceBuffer<float> madeY = gpu.Context.Allocate<float>(onY.Length), madeX = gpu.Context.Allocate<float>(onX.Length),
            madeW = gpu.Context.Allocate<float>(onW.Length);
        larger.Run(ConvolutionDirection.Forward, a, b, madeY, workspace, workspace.Bytes);
        larger.Run(ConvolutionDirection.BackwardData, b, c, madeX, workspace, workspace.Bytes);
        larger.Run(ConvolutionDirection.BackwardFilter, a, c, madeW, workspace, workspace.Bytes);
        stream.Synchronize();
        return (madeY.ToArray(), madeX.ToArray(), madeW.ToArray());
    }

    void AssertCounts(string name, long loaded, long stored)
    {
        Counters counters = gpu.Driver.Counters[name];
        Assert.That((counters.Launches, counters.BytesLoaded, counters.BytesStored), Is.EqualTo((1L, loaded, stored)), name);
        Assert.That(counters.FloatingPointOperations, Is.EqualTo(2L * 2 * 5 * 4 * 2 * 9 * 3), name);
    }

    DeviceBuffer<float> Filled(Random random, long count) => gpu.Context.Allocate<float>(Numbers(random, count));

    static float[] Numbers(Random random, long count)
    {
        var numbers = new float[count];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = (float)((2 * random.NextDouble()) - 1);
        return numbers;
    }

    sealed class Names : ILaunchObserver
    {
        public List<string> Seen { get; } = [];

        public void Launching(CudaStream stream, string name) => Seen.Add("> " + name);

        public void Launched(CudaStream stream, string name) => Seen.Add("< " + name);
    }
}
