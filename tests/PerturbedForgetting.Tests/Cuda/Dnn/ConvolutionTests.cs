using System.Globalization;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Tests.Cuda.Dnn;

/// <summary>The three directions against their definition in float64.</summary>
[TestFixtureSource(typeof(CudnnDevices))]
sealed class ConvolutionTests(string device) : KernelFixture(device)
{
    static readonly ConvolutionShape[] shapes =
    [
        new(1, 1, 1, 1, 1, 1, 1),
        new(2, 5, 7, 3, 4, 1, 1),
        new(2, 9, 8, 5, 6, 3, 3, 2, 2, 1, 1),
        // Gaps between the windows: gradients of 0.
        new(2, 8, 9, 3, 4, 1, 1, 3, 2),
        new(1, 11, 10, 4, 3, 3, 3, 1, 1, 2, 2, 2, 2),
        // Nothing is symmetric.
        new(3, 7, 12, 6, 4, 2, 3, 2, 1, 1, 0, 1, 3, 2),
        new(2, 6, 6, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1, 7),
        new(1, 5, 5, 3, 6, 3, 3, 2, 2, 1, 1, 1, 1, 3),
        new(2, 5, 5, 13, 17, 3, 3, 1, 1, 1, 1),
        // Filters that are larger than the image.
        new(1, 2, 3, 4, 5, 5, 7, 1, 1, 3, 3),
        // Rows and columns that no window covers.
        new(1, 8, 8, 2, 3, 3, 3, 4, 4),
        new(1, 23, 21, 3, 16, 7, 7, 2, 2, 3, 3),
        new(1, 6, 5, 40, 33, 3, 3, 1, 1, 1, 1),
    ];

    Cudnn cudnn = null!;

    [SetUp]
    public void Start()
    {
        cudnn = new(Context, Simulated is { } driver ? driver.Cudnn : CudnnApi.Installed);
        cudnn.SetStream(Stream);
    }

    [TearDown]
    public void End() => cudnn.Dispose();

    [TestCaseSource(nameof(shapes))]
    public void EqualTheDefinition(ConvolutionShape shape) => Check(shape, tf32: false, deterministic: false);

    [TestCaseSource(nameof(shapes))]
    public void EqualTheDefinitionDeterministically(ConvolutionShape shape) => Check(shape, tf32: false, deterministic: true);

    [TestCaseSource(nameof(shapes))]
    public void Tf32RoundsTheFactors(ConvolutionShape shape) => Check(shape, tf32: true, deterministic: true);

    [Test]
    public void RandomShapes()
    {
        for (int i = 0; i < 12; i++)
        {
            ConvolutionShape shape;
            do
            {
                int groups = Random.Next(1, 4);
                shape = new(Random.Next(1, 4), Random.Next(1, 14), Random.Next(1, 14), groups * Random.Next(1, 7),
                    groups * Random.Next(1, 7), Random.Next(1, 5), Random.Next(1, 5),
                    Random.Next(1, 4), Random.Next(1, 4), Random.Next(0, 3), Random.Next(0, 3), Random.Next(1, 3), Random.Next(1, 3),
                    groups);
            }
            while (!shape.IsValid);
            TestContext.Out.WriteLine(shape);
            Check(shape, tf32: false, deterministic: i % 2 == 0);
        }
    }

    [TestCaseSource(nameof(shapes))]
    public void EqualTheCpu(ConvolutionShape s)
    {
        float[] x = Normal((int)s.InputCount), w = Normal((int)s.FilterCount);
        DeviceBuffer<float> y = Poisoned<float>(s.OutputCount);
        Run(Plan(s, tf32: false, deterministic: false).AlgorithmOf(ConvolutionDirection.Forward), (memory, bytes) =>
            Plan(s, false, false).Run(ConvolutionDirection.Forward, Upload<float>(x), Upload<float>(w), y, memory, bytes));
        using Tensor input = OnCpu(x, s.N, s.Height, s.Width, s.Channels),
            filters = OnCpu(w, s.Filters, s.KernelHeight, s.KernelWidth, s.GroupChannels);
        using Tensor expected = Ops.Conv2d(input, filters, null, (s.StrideHeight, s.StrideWidth), (s.PaddingHeight, s.PaddingWidth),
            (s.DilationHeight, s.DilationWidth), s.Groups);
        // Each is so far from the definition at the most.
        ReferenceConvolution.Sums sums = new ReferenceConvolution(s).Forward(x, w);
        AssertWithin("the CPU", expected.ToArray<float>(), sums, new float[sums.Values.Length], SumUnits.Float32);
        AssertWithin("the device", Download(y), sums, new float[sums.Values.Length], SumUnits.Float32);
    }

    // Both plain and added to what is there.
    void Check(ConvolutionShape s, bool tf32, bool deterministic)
    {
        float[] x = Normal((int)s.InputCount), w = Normal((int)s.FilterCount), dy = Normal((int)s.OutputCount);
        ConvolutionPlan plan = Plan(s, tf32, deterministic);
        DeviceBuffer<float> onX = Upload<float>(x), onW = Upload<float>(w), onDy = Upload<float>(dy);
        ReferenceConvolution reference = new(s);
        Compare("forward", plan.AlgorithmOf(ConvolutionDirection.Forward), s.OutputCount, (x, w), reference.Forward,
            (y, memory, bytes, accumulate) => plan.Run(ConvolutionDirection.Forward, onX, onW, y, memory, bytes, accumulate));
        Compare("backward data", plan.AlgorithmOf(ConvolutionDirection.BackwardData), s.InputCount, (w, dy), reference.BackwardData,
            (dx, memory, bytes, accumulate) => plan.Run(ConvolutionDirection.BackwardData, onW, onDy, dx, memory, bytes, accumulate));
        Compare("backward filter", plan.AlgorithmOf(ConvolutionDirection.BackwardFilter), s.FilterCount, (x, dy), reference.BackwardFilter,
            (dw, memory, bytes, accumulate) => plan.Run(ConvolutionDirection.BackwardFilter, onX, onDy, dw, memory, bytes, accumulate));
    }

    void Compare(string direction, ConvolutionAlgorithm algorithm, long count, (float[] A, float[] B) operands,
        Func<float[], float[], ReferenceConvolution.Sums> reference, Action<DeviceBuffer<float>, DevicePointer, long, bool> run)
    {
        bool isTf32 = algorithm.MathType != CudnnMathType.Fma;
        // The software GPU rounds factors to nearest; real ones may cut them off, which the bound allows for.
        ReferenceConvolution.Sums sums = isTf32 && IsSimulated
            ? reference([.. operands.A.Select(ToTf32)], [.. operands.B.Select(ToTf32)])
            : reference(operands.A, operands.B);
        SumUnits units = !isTf32 ? SumUnits.Float32 : IsSimulated ? SumUnits.TensorCores : SumUnits.TensorCoresCutFactors;
        float[] before = Normal((int)count);
        DeviceBuffer<float> plain = Poisoned<float>(count), added = Upload<float>(before);
        Run(algorithm, (memory, bytes) => run(plain, memory, bytes, false));
        Run(algorithm, (memory, bytes) => run(added, memory, bytes, true));
        AssertWithin(direction, Download(plain), sums, new float[count], units);
        AssertWithin(direction + ", accumulated", Download(added), sums, before, units);
    }

    static void AssertWithin(string direction, float[] actual, ReferenceConvolution.Sums sums, float[] before, SumUnits units)
    {
        for (int i = 0; i < actual.Length; i++)
        {
            double expected = sums.Values[i] + before[i],
                allowed = SumBound.Of(sums.Sizes[i] + Math.Abs(before[i]), sums.Terms[i] + 1, units);
            // Not "greater than", which NaN is not.
            if (!(Math.Abs(actual[i] - expected) <= allowed))
                Assert.Fail(string.Create(CultureInfo.InvariantCulture,
                    $"{direction}: element {i} of {actual.Length} is {actual[i]:R}, not {expected:R}; allowed {allowed:R}"));
        }
    }

    ConvolutionPlan Plan(ConvolutionShape shape, bool tf32, bool deterministic) =>
        cudnn.Plan(shape, tf32, deterministic) ?? throw new AssertionException($"no plan for {shape}");

    // A workspace of its own for each run, so that what an algorithm leaves behind helps no one.
    void Run(ConvolutionAlgorithm algorithm, Action<DevicePointer, long> run)
    {
        if (algorithm.WorkspaceBytes == 0)
            run(DevicePointer.Null, 0);
        else
            run(Scratch<byte>(algorithm.WorkspaceBytes), algorithm.WorkspaceBytes);
    }

    static float ToTf32(float x) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x1000) & 0xffff_e000);
}
