using System.Globalization;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Cuda;

/// <summary>
/// Base of the tests of kernels, on every device there is:
/// <code>
/// [TestFixtureSource(typeof(KernelDevices))]
/// sealed class ReluTests(string device) : KernelFixture(device)
/// {
///     [TestCase(1), TestCase(1025)]
///     public void EqualsCpu(int count)
///     {
///         float[] x = Normal(count);
///         Tensor y = Output(count);
///         Backend.Relu(Input(x), y);
///         AssertClose(y, x.Select(v => Math.Max(v, 0)).ToArray(), relative: 0);
///         AssertTraffic("relu", loaded: 4L * count, stored: 4L * count);
///     }
/// }
/// </code>
/// Memory has exactly the size that was asked for and is freed when a test ends; then every launch must have finished without a finding.
/// </summary>
abstract class KernelFixture(string deviceName)
{
    /// <summary>What all random numbers of kernel tests are made of, and the orders in which the software GPU runs the kernels.</summary>
    public static int BaseSeed { get; } = int.TryParse(EnvironmentVariables.TestSeed.Value, CultureInfo.InvariantCulture, out int given)
        ? given
        : Random.Shared.Next();

    readonly List<CudaResource> buffers = [];
    KernelDevice device = null!;

    /// <summary>Whether the counters are there.</summary>
    protected bool IsSimulated => device.Driver is not null;

    /// <summary>The software GPU; null on a real one.</summary>
    protected SimulatedDriver? Simulated => device.Driver;

    /// <summary>Without NVIDIA's libraries, products in float32.</summary>
    protected Device Device => device.Device;

    protected CudaBackend Backend => device.Backend;

    protected CudaContext Context => Backend.Workplace.Context;

    protected KernelLibrary Library => Backend.Workplace.Kernels;

    /// <summary>Where the backend computes; copies of this class are ordered with it.</summary>
    protected CudaStream Stream => Backend.Workplace.Stream;

    /// <summary>New for every test; the seed is printed. <see cref="EnvironmentVariables.TestSeed"/> repeats a run.</summary>
    protected Random Random { get; private set; } = null!;

    [SetUp]
    public void OpenDevice()
    {
        device = KernelDevices.Open(deviceName);
        device.Driver?.ResetCounters();
        int seed = unchecked((BaseSeed * 31) + (int)Hash(TestContext.CurrentContext.Test.FullName));
        Random = new Random(seed);
        TestContext.Out.WriteLine($"seed {seed} ({EnvironmentVariables.TestSeed.Name}={BaseSeed})");
    }

    [TearDown]
    public void CheckThatNothingWasFound()
    {
        string? fault = null;
        try
        {
            Context.Synchronize();
        }
        catch (CudaException e)
        {
            fault = e.Message;
        }
        foreach (CudaResource buffer in buffers)
            buffer.Dispose();
        buffers.Clear();
        // The next test's work space is new, so that a read of what no kernel has written is found.
        if (fault is null)
            Device.Trim();
        Assert.That(device.Driver?.Fault ?? fault, Is.Null, "the checks of the device found something");
    }

    /// <summary>An array on the device.</summary>
    protected DeviceBuffer<T> Upload<T>(params ReadOnlySpan<T> values) where T : unmanaged
    {
        DeviceBuffer<T> buffer = Scratch<T>(values.Length);
        Write(buffer, values);
        return buffer;
    }

    /// <summary>Overwrites the beginning of an array on the device.</summary>
    protected unsafe void Write<T>(DeviceBuffer<T> buffer, ReadOnlySpan<T> values) where T : unmanaged
    {
        fixed (T* first = values)
            Stream.Upload(buffer, first, (long)values.Length * Unsafe.SizeOf<T>());
    }

    /// <summary>An output: every byte is 0xFF, which is NaN in every floating type, so that an element that is not written shows.</summary>
    protected DeviceBuffer<T> Poisoned<T>(long count) where T : unmanaged
    {
        DeviceBuffer<T> buffer = Scratch<T>(count);
        Stream.FillBytes(buffer, 0xFF, buffer.Bytes);
        return buffer;
    }

    /// <summary>Work space: the software GPU faults on a read of what no kernel has written.</summary>
    protected DeviceBuffer<T> Scratch<T>(long count) where T : unmanaged
    {
        DeviceBuffer<T> buffer = Context.Allocate<T>(count);
        buffers.Add(buffer);
        return buffer;
    }

    /// <summary>The elements of an array on the device, when all work of the stream is done.</summary>
    protected T[] Download<T>(DeviceBuffer<T> buffer) where T : unmanaged
    {
        Stream.Synchronize();
        return buffer.ToArray();
    }

    /// <summary>A tensor on the device; without a shape a vector.</summary>
    protected Tensor Input<T>(T[] values, params int[] shape) where T : unmanaged =>
        Wrap(Upload<T>(values), DTypes.Of<T>(), shape.Length == 0 ? [values.Length] : shape);

    /// <summary>A vector on the device, by its bytes.</summary>
    protected Tensor Input(byte[] bytes, DType type) => Wrap(Upload<byte>(bytes), type, [bytes.Length / type.Size()]);

    /// <summary>A poisoned tensor of float32 on the device.</summary>
    protected Tensor Output(params int[] shape) => Output(DType.Float32, shape);

    /// <summary>A poisoned tensor on the device.</summary>
    protected Tensor Output(DType type, params int[] shape) => Wrap(Poisoned<byte>(new Shape(shape).Count * type.Size()), type, shape);

    /// <summary>A tensor of an array on the device.</summary>
    protected Tensor Wrap<T>(DeviceBuffer<T> buffer, DType type, int[] shape) where T : unmanaged =>
        new(new Storage(null, (nint)buffer.Pointer.Address, buffer.Bytes), 0, new Shape(shape), type, Device);

    /// <summary>Standard normal numbers.</summary>
    protected float[] Normal(int count, double scale = 1)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - Random.NextDouble()));
            values[i] = (float)(scale * radius * Math.Cos(2 * Math.PI * Random.NextDouble()));
        }
        return values;
    }

    /// <summary>Uniform numbers.</summary>
    protected float[] Uniform(int count, double low, double high)
    {
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(low + ((high - low) * Random.NextDouble()));
        return values;
    }

    /// <summary>Whole numbers from 0 to below a limit.</summary>
    protected int[] Whole(int count, int limit)
    {
        var values = new int[count];
        for (int i = 0; i < count; i++)
            values[i] = Random.Next(limit);
        return values;
    }

    /// <summary>A tensor of the CPU, for the kernel's reference in <c>Backends/Cpu</c>.</summary>
    protected static Tensor OnCpu<T>(T[] values, params int[] shape) where T : unmanaged =>
        Tensor.From(values, shape.Length == 0 ? new Shape(values.Length) : new Shape(shape));

    /// <summary>What the software GPU counted for a kernel since the test began; null on a real device.</summary>
    protected Counters? CountersOf(string kernel)
    {
        if (device.Driver is not { } driver)
            return null;
        Context.Synchronize();
        return driver.Counters.TryGetValue(kernel, out Counters? counters)
            ? counters
            : throw new AssertionException($"kernel {kernel} did not run");
    }

    /// <summary>What the software GPU counted for every kernel since the test began; null on a real device.</summary>
    protected IReadOnlyDictionary<string, Counters>? AllCounters
    {
        get
        {
            Context.Synchronize();
            return device.Driver?.Counters;
        }
    }

    /// <summary>Where the device counts: bytes that a kernel loaded from and stored to global memory since the test began, exactly;
    /// and that whole sectors were used. Another compiler than that of the kernels that ship may leave out what it sees is not needed,
    /// and may part an access in two.</summary>
    protected void AssertTraffic(string kernel, long loaded, long stored, bool isCoalesced = true)
    {
        if (CountersOf(kernel) is not { } counters)
            return;
        Assert.Multiple(() =>
        {
            Assert.That(counters.BytesLoaded, AreShipped ? Is.EqualTo(loaded) : Is.AtMost(loaded), $"bytes loaded by {kernel}");
            Assert.That(counters.BytesStored, AreShipped ? Is.EqualTo(stored) : Is.AtMost(stored), $"bytes stored by {kernel}");
            if (isCoalesced)
                AssertSectors(kernel, counters);
        });
    }

    /// <summary>That whole sectors were used.</summary>
    protected static void AssertSectors(string kernel, Counters counters) =>
        Assert.That(counters.SectorEfficiency, AreShipped ? Is.EqualTo(1) : Is.AtLeast(0.9), $"sector efficiency of {kernel}");

    /// <summary>Whether the kernels are those that ship, and not of a folder.</summary>
    static bool AreShipped => KernelFiles.Used == KernelFiles.Embedded;

    /// <summary>Element by element: |actual - expected| ≤ absolute + relative·|expected|; the same infinities, and NaN where NaN is
    /// expected. With both tolerances 0 the bits must be equal, but for the bits of a NaN. A failure says of
    /// <paramref name="what"/>.</summary>
    public static void AssertClose(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, double relative, double absolute = 0,
        string what = "")
    {
        Assert.That(actual.Length, Is.EqualTo(expected.Length), $"number of elements {what}");
        for (int i = 0; i < actual.Length; i++)
        {
            float a = actual[i], e = expected[i];
            bool isEqual = float.IsNaN(e) ? float.IsNaN(a)
                : float.IsInfinity(e) || (relative == 0 && absolute == 0)
                    ? BitConverter.SingleToInt32Bits(a) == BitConverter.SingleToInt32Bits(e)
                : Math.Abs((double)a - e) <= absolute + (relative * Math.Abs((double)e));
            if (!isEqual)
                Assert.Fail(string.Create(CultureInfo.InvariantCulture,
                    $"element {i} of {actual.Length} is {a:R}, not {e:R}: off by {Math.Abs((double)a - e):R}, allowed "
                    + $"{absolute + (relative * Math.Abs((double)e)):R} {what}"));
        }
    }

    /// <inheritdoc cref="AssertClose(ReadOnlySpan{float}, ReadOnlySpan{float}, double, double, string)"/>
    protected static void AssertClose(Tensor actual, ReadOnlySpan<float> expected, double relative, double absolute = 0) =>
        AssertClose(actual.ToArray<float>(), expected, relative, absolute);

    /// <inheritdoc cref="AssertClose(ReadOnlySpan{float}, ReadOnlySpan{float}, double, double, string)"/>
    protected static void AssertClose(Tensor actual, Tensor expected, double relative, double absolute = 0) =>
        AssertClose(actual, expected.ToArray<float>(), relative, absolute);

    /// <inheritdoc cref="AssertClose(ReadOnlySpan{float}, ReadOnlySpan{float}, double, double, string)"/>
    public static void AssertClose(ReadOnlySpan<double> actual, ReadOnlySpan<double> expected, double relative, double absolute = 0,
        string what = "")
    {
        Assert.That(actual.Length, Is.EqualTo(expected.Length), $"number of elements {what}");
        for (int i = 0; i < actual.Length; i++)
        {
            double a = actual[i], e = expected[i];
            bool isEqual = double.IsNaN(e) ? double.IsNaN(a)
                : double.IsInfinity(e) || (relative == 0 && absolute == 0)
                    ? BitConverter.DoubleToInt64Bits(a) == BitConverter.DoubleToInt64Bits(e)
                : Math.Abs(a - e) <= absolute + (relative * Math.Abs(e));
            if (!isEqual)
                Assert.Fail(string.Create(CultureInfo.InvariantCulture,
                    $"element {i} of {actual.Length} is {a:R}, not {e:R}: off by {Math.Abs(a - e):R}, allowed "
                    + $"{absolute + (relative * Math.Abs(e)):R} {what}"));
        }
    }

    // The same in every process, unlike string.GetHashCode.
    static uint Hash(string text) => text.Aggregate(2166136261u, static (hash, c) => unchecked((hash ^ c) * 16777619u));
}
