using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tests.Tensors.Profiling;

/// <summary>What a profile of a forward and a backward pass says, on the processor and on the software GPU.</summary>
[NonParallelizable]
sealed class ProfilerTests
{
    /// <summary>A convolution, an activation and a classifier, there and back.</summary>
    static void Pass(Net net, Device device)
    {
        using var scope = Scope.Begin();
        var x = Tensor.From(Enumerable.Range(0, 2 * 4 * 4 * 3).Select(static i => i % 7 - 3f).ToArray(), [2, 4, 4, 3], device);
        Ops.CrossEntropy(net.Call(x), Tensor.From<int>([1, 3], [2], device)).Backward();
    }

    static string[] OperationsOf(Profile profile) =>
        [.. profile.Ranges.Where(static r => r.Kind == RangeKind.Operation).Select(static r => r.Name).Distinct()];

    [Test]
    public void OnTheProcessorOperationsAreTimed()
    {
        var net = new Net();
        using var profiler = new Profiler(Device.Cpu);
        Pass(net, Device.Cpu);
        Profile profile = profiler.Finish();
        Pass(net, Device.Cpu);
        Assert.That(profile.Ranges.Where(static r => r.Kind == RangeKind.Module).Select(static r => (r.Name, r.Depth)),
            Is.EqualTo(new[] { ("Net", 0), ("conv (Conv2d)", 1), ("fc (Linear)", 1) }));
        Assert.That(OperationsOf(profile), Is.EquivalentTo(new[]
        {
            "Conv2d", "Relu", "GlobalAvgPool2d", "Linear", "CrossEntropy",
            "Loss backward", "Linear backward", "GlobalAvgPool2d backward", "Relu backward", "Conv2d backward",
        }));
        Assert.That(profile.Entries.Select(static e => e.Name), Is.EquivalentTo(OperationsOf(profile)));
        Assert.That(profile.Entries.Select(static e => e.Calls), Is.All.EqualTo(1));
        Assert.That(profile.EntryMicroseconds, Is.GreaterThan(0).And.LessThanOrEqualTo(profile.Microseconds));
        Assert.That(profile.Passes.Select(static p => p.Pass), Is.EqualTo(new[] { "backward" }));
        Assert.That((profile.Streams.Count, profile.Launches.Count, profile.IsInterpreted), Is.EqualTo((0, 0, false)));
        Assert.That(Ranges.IsOn, Is.False);
    }

    [Test]
    public void OnTheSoftwareGpuLaunchesAreTimedAndCounted()
    {
        var driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1 });
        using var device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", owned: driver);
        Net net;
        using (Initialization.Begin(1, device))
            net = new Net();
        Pass(net, device);
        device.Synchronize();
        driver.ResetCounters();
        Profile profile;
        using (var profiler = new Profiler(device))
        {
            Pass(net, device);
            profile = profiler.Finish();
        }
        var counted = driver.Counters.ToDictionary(static c => c.Key, static c =>
            (c.Value.Launches, c.Value.BytesLoaded + c.Value.BytesStored, c.Value.LaneInstructions));
        Assert.That(profile.IsInterpreted);
        Assert.That(profile.Streams, Is.EqualTo(new[] { "computation", "copies" }));
        Assert.That(counted, Is.Not.Empty);
        foreach (var (name, (launches, bytes, instructions)) in counted)
        {
            ProfileEntry entry = profile.Entries.Single(e => e.Name == name);
            Assert.That((entry.Calls, entry.Cost.Bytes, entry.Cost.Instructions), Is.EqualTo(((int)launches, bytes, instructions)), name);
        }
        Assert.That(profile.Entries.Select(static e => e.Name), Has.Member("copy to the device").And.Member("cudnn convolution forward"));
        Assert.That(profile.Entries.Single(static e => e.Name == "copy to the device").Cost.Bytes,
            Is.EqualTo((2 * 4 * 4 * 3 * 4) + (2 * 4)));
        Assert.That(profile.Launches.Sum(static l => l.Duration),
            Is.EqualTo(profile.EntryMicroseconds).Within(1e-6 * profile.EntryMicroseconds));
        Assert.That(OperationsOf(profile), Has.Member("Conv2d backward"));
        Assert.That(profile.Passes.Select(static p => p.Pass), Is.EqualTo(new[] { "backward" }));
        double backward = profile.Launches.Where(static l => l.Pass == "backward").Sum(static l => l.Duration);
        Assert.That(profile.Passes[0].Microseconds, Is.EqualTo(backward).And.GreaterThan(0).And.LessThan(profile.EntryMicroseconds));
        Assert.That(profile.Launches.Where(static l => l.Pass is null).Select(static l => l.Name),
            Has.Member("cudnn convolution forward").And.No.Member("cudnn convolution backward filter"));
        AssertInOrder(profile);
        Pass(net, device);
        Assert.That(driver.Fault, Is.Null);
    }

    /// <summary>Launches of one stream follow one another within the recording.</summary>
    static void AssertInOrder(Profile profile)
    {
        double end = 0;
        foreach (var launch in profile.Launches.Where(static l => l.Stream == 0))
        {
            Assert.That(launch.Start, Is.GreaterThanOrEqualTo(end));
            Assert.That(launch.Duration, Is.GreaterThanOrEqualTo(0));
            end = launch.Start + launch.Duration;
        }
        // The driver's times are float32 milliseconds.
        Assert.That(end, Is.LessThanOrEqualTo(profile.Microseconds * (1 + 1e-6) + 1));
    }

    [Test]
    public void CostsThatALibraryStatesAreThoseTheSoftwareGpuCounts()
    {
        var driver = new SimulatedDriver(new SimulatedDeviceOptions { Workers = 1 });
        using var device = Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", owned: driver);
        Net net;
        using (Initialization.Begin(1, device))
            net = new Net();
        using var profiler = new Profiler(device);
        Pass(net, device);
        Profile profile = profiler.Finish();
        var libraries = profile.Launches.GroupBy(static l => l.Name).Where(static g => g.Key.StartsWith("cu", StringComparison.Ordinal))
            .ToArray();
        Assert.That(libraries, Has.Length.GreaterThanOrEqualTo(3));
        foreach (var launches in libraries)
        {
            LaunchCost stated = launches.Aggregate(default(LaunchCost), static (sum, l) => sum + l.Cost),
                counted = profile.Entries.Single(e => e.Name == launches.Key).Cost;
            Assert.That(stated.Operations, Is.EqualTo(counted.Operations), launches.Key);
            Assert.That(stated.Bytes, Is.GreaterThan(0).And.LessThanOrEqualTo(counted.Bytes), launches.Key);
        }
    }

    sealed class Net : Module
    {
        readonly Conv2d conv;
        readonly Linear fc;

        public Net()
        {
            conv = Register("conv", new Conv2d(3, 4, 3, padding: 1, bias: false));
            fc = Register("fc", new Linear(4, 5));
        }

        protected override Tensor Forward(Tensor x) => fc.Call(Ops.GlobalAvgPool2d(Ops.Relu(conv.Call(x))));
    }
}
