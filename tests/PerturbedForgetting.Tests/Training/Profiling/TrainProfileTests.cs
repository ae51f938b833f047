using System.Globalization;
using System.Text.Json;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training.Profiling;

/// <summary><c>train --profile</c>: a run of a tiny model goes on as without, and leaves a table, a CSV and a trace that agree.</summary>
[NonParallelizable]
sealed class TrainProfileTests : TempFolderFixture
{
    const string SoftwareGpu = "sim-profiled";

    [OneTimeSetUp]
    public void RegisterSoftwareGpu() => Device.Register(SoftwareGpu, static options =>
    {
        var driver = new SimulatedDriver();
        return Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, SoftwareGpu, options, driver);
    });

    TrainOptions Options(string device, int profile) => ShortRun.Options(folder.Path) with
    {
        Dataset = "builtin/shapes:train=24,val=4,size=8",
        ImgSize = 8,
        BatchSize = 4,
        GradAccumSteps = 1,
        Opt = OptimizerName.Parse("sam_sgdw"),
        Epochs = 1,
        WarmupEpochs = 0,
        Device = device,
        Profile = profile,
    };

    [TestCase("cpu", 2, 2), TestCase("cpu", 100, 6), TestCase(SoftwareGpu, 2, 2)]
    public void LeavesATableACsvAndATrace(string device, int steps, int expectedSteps)
    {
        var observer = new RecordingObserver();
        var result = ShortRun.Train(Options(device, steps), observer);
        Assert.That(result.Epochs, Has.Count.EqualTo(1), "the run goes on");
        string table = observer.Messages.Single(static m => m.StartsWith("Profile of ", StringComparison.Ordinal));
        Assert.That(table, Does.StartWith($"Profile of {expectedSteps} steps on {device}: "));
        bool isDevice = device != "cpu";
        Assert.That(table, Does.Match(
            @"[Tt]ime by pass: (input [0-9.]+%, )?perturb [0-9.]+%, descend [0-9.]+%, update [0-9.]+%(, input [0-9.]+%)?\.\r?\n"));
        Assert.That(table, isDevice ? Does.Contain("Times are those of the interpretation").And.Contain("GB/s") : Does.Not.Contain("GB/s"));

        var rows = Csv();
        Assert.That(rows.Sum(static r => r.Share), Is.EqualTo(100).Within(0.01 * rows.Count));
        Assert.That(table, Does.Contain(rows[0].Name).And.Contain(rows[0].Calls.ToString(CultureInfo.InvariantCulture)));
        Assert.That(rows.Select(static r => r.Milliseconds), Is.Ordered.Descending);

        var slices = Trace();
        Assert.That(slices.Count(static s => s is { Category: "step", Name: "step" }), Is.EqualTo(expectedSteps));
        Assert.That(slices.Count(static s => s is { Category: "pass", Name: "perturb" }), Is.EqualTo(expectedSteps));
        Assert.That(slices.Count(static s => s is { Category: "pass", Name: "update" }), Is.EqualTo(expectedSteps));
        Assert.That(table.Contains("kernel by kernel", StringComparison.Ordinal), Is.EqualTo(isDevice), "graphs are off while it records");
        Assert.That(slices.Select(static s => s.Name), Has.No.Member("graph"));
        Assert.That(slices.Select(static s => s.Name), Has.Member("descend").And.Member("Conv2d backward").And.Member("conv1 (Conv2d)"));
        foreach (var track in slices.GroupBy(static s => (s.Process, s.Thread)))
            AssertNested([.. track]);
        var timed = slices.Where(s => isDevice ? s.Category == "launch" : s.Category == "operation").GroupBy(static s => s.Name).ToArray();
        Assert.That(timed.Select(static g => (g.Key, g.Count())), Is.EquivalentTo(rows.Select(static r => (r.Name, r.Calls))));
        if (!isDevice)
            return;
        foreach (var launches in timed)
            Assert.That((double)launches.Sum(static s => s.Duration) / 1000,
                Is.EqualTo(rows.Single(r => r.Name == launches.Key).Milliseconds).Within(1e-6 * launches.Count() + 1e-6));
        Assert.That(rows.Single(static r => r.Name == "normalize_images"),
            Has.Property("Calls").EqualTo(expectedSteps).And.Property("Bytes").GreaterThan(0));
        Assert.That(slices.Where(static s => s.Name == "copy to the device").Select(static s => s.Thread).Distinct(), Has.Member(2),
            "batches are copied on a stream of their own");
    }

    [Test]
    public void ARooflineAddsUpWhatTheLaunchesState()
    {
        var observer = new RecordingObserver();
        ShortRun.Train(Options(SoftwareGpu, 2) with { Roofline = "h100" }, observer);
        string table = observer.Messages.Single(static m => m.StartsWith("Least times on ", StringComparison.Ordinal));
        Assert.That(table, Does.Match(@"A step of \d+ launches, [0-9.]+ MB and [0-9.]+ GFLOP takes at the least [0-9.]+ ms as a graph "
            + @"\(memory \d+%, compute \d+%, launch \d+%\) and [0-9.]+ ms kernel by kernel, bound by the host's launches\."));
        string[][] rows = [.. File.ReadAllLines(folder[Path.Combine("run", "roofline.csv")]).Select(static l => l.Split(','))];
        Assert.That(rows[0], Is.EqualTo(new[]
            { "name", "launches", "least_milliseconds", "share_percent", "bytes", "operations", "bound_by" }));
        var profiled = Csv().ToDictionary(static r => r.Name, static r => r.Calls);
        // Batches are copied on a stream of their own, beside the step.
        Assert.That(rows[1..].Where(static r => r[0] != "copy to the device").Select(static r => (r[0], r[1])),
            Is.EquivalentTo(profiled.Where(static p => p.Key != "copy to the device")
                .Select(static p => (p.Key, p.Value.ToString(CultureInfo.InvariantCulture)))));
        Assert.That(rows[1..].Select(static r => r[6]), Is.All.AnyOf("memory", "compute", "launch"));
        Assert.That(rows[1..].Sum(static r => double.Parse(r[3], CultureInfo.InvariantCulture)), Is.EqualTo(100).Within(0.1));
    }

    /// <summary>What is launched does not depend on what is computed: a software GPU that executes nothing counts the same.</summary>
    [Test]
    public void ADeviceThatExecutesNothingCountsTheSameLaunches()
    {
        const string counting = "sim-counting";
        Device.Register(counting, static options =>
        {
            var driver = new SimulatedDriver(new SimulatedDeviceOptions { Executes = false });
            return Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, counting, options, driver);
        });
        string[] tables = [.. new[] { SoftwareGpu, counting }.Select(device =>
        {
            var observer = new RecordingObserver();
            var result = ShortRun.Train(Options(device, 2) with { Roofline = "a100", Experiment = device }, observer);
            Assert.That(result.Status, Is.EqualTo(device == counting ? TrainStatus.Counted : TrainStatus.Completed));
            Assert.That(result.Epochs, Has.Count.EqualTo(device == counting ? 0 : 1));
            return File.ReadAllText(Path.Combine(result.Folder, "roofline.csv"));
        })];
        Assert.That(tables[1], Is.EqualTo(tables[0]));
        Assert.That(Directory.GetFiles(folder[counting], "*.safetensors"), Is.Empty, "no checkpoint of zeros");
        Assert.That(() => ShortRun.Train(Options(counting, 0)), Throws.TypeOf<DeviceException>().With.Message.Contains("--profile"));
    }

    [TestCase("h100", 0, "cpu", "--profile 1"), TestCase("h100", 1, "cpu", "the CPU has none"), TestCase("h10", 1, "sim", "h100")]
    public void ARooflineIsOfAKnownCardAndOfAProfile(string card, int profile, string device, string words) =>
        Assert.That((Options(device, profile) with { Roofline = card }).Validate().Where(static p => p.IsError)
            .Select(static p => p.ToString()), Has.Some.Contains("--roofline").And.Some.Contains(words));

    [Test]
    public void WithoutTheOptionNothingIsRecorded()
    {
        var observer = new RecordingObserver();
        ShortRun.Train(Options("cpu", 0), observer, stopAfter: 2);
        Assert.That(File.Exists(folder[Path.Combine("run", "profile.csv")]), Is.False);
        Assert.That(observer.Messages, Has.None.StartWith("Profile"));
    }

    [Test]
    public void NumbersAreThoseOfARunWithoutAProfile()
    {
        string[] hashes = [.. new[] { 0, 2 }.Select(profile => ShortRun
            .Hash(Path.Combine(ShortRun.Train(Options("cpu", profile) with { Experiment = $"run{profile}" }).Folder, "last.safetensors")))];
        Assert.That(hashes[1], Is.EqualTo(hashes[0]));
    }

    [Test]
    public void ARunThatStopsWhileItRecordsStopsRecording()
    {
        ShortRun.Train(Options("cpu", 3), stopAfter: 4);
        Assert.That(PerturbedForgetting.Tensors.Profiling.Ranges.IsOn, Is.False);
    }

    [Test]
    public void ANegativeNumberIsRefused() =>
        Assert.That(Options("cpu", -1).Validate().Where(static p => p.IsError).Select(static p => p.Option),
            Is.EqualTo(new[] { "--profile" }));

    sealed record Row(string Name, int Calls, double Milliseconds, double Share, long Bytes);

    List<Row> Csv()
    {
        string[] lines = File.ReadAllLines(folder[Path.Combine("run", "profile.csv")]);
        string[] header = lines[0].Split(',');
        Assert.That(header[..5], Is.EqualTo(new[] { "name", "calls", "milliseconds", "share_percent", "bytes" }));
        return [.. lines[1..].Select(line =>
        {
            string[] fields = line.Split(',');
            Assert.That(fields, Has.Length.EqualTo(header.Length));
            return new Row(fields[0], int.Parse(fields[1], CultureInfo.InvariantCulture),
                double.Parse(fields[2], CultureInfo.InvariantCulture),
                double.Parse(fields[3], CultureInfo.InvariantCulture),
                fields[4].Length == 0 ? 0 : long.Parse(fields[4], CultureInfo.InvariantCulture));
        })];
    }

    sealed record Slice(string Name, string Category, int Process, int Thread, decimal Start, decimal Duration)
    {
        public decimal End => Start + Duration;
    }

    List<Slice> Trace()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(folder[Path.Combine("run", "profile.trace.json")]));
        var events = json.RootElement.GetProperty("traceEvents").EnumerateArray().ToArray();
        var named = events.Where(static e => e.GetProperty("ph").GetString() == "M" && e.GetProperty("name").GetString() == "thread_name")
            .Select(static e => (e.GetProperty("pid").GetInt32(), e.GetProperty("tid").GetInt32())).ToArray();
        List<Slice> slices = [.. events.Where(static e => e.GetProperty("ph").GetString() == "X").Select(static e => new Slice(
            e.GetProperty("name").GetString()!, e.GetProperty("cat").GetString()!, e.GetProperty("pid").GetInt32(),
            e.GetProperty("tid").GetInt32(),
            e.GetProperty("ts").GetDecimal(), e.GetProperty("dur").GetDecimal()))];
        Assert.That(slices.Select(static s => (s.Process, s.Thread)).Distinct(), Is.SubsetOf(named), "every track has a name");
        return slices;
    }

    /// <summary>Slices in the order of their beginning: each lies within the one around it or behind the one before.</summary>
    static void AssertNested(IReadOnlyList<Slice> track)
    {
        Stack<Slice> open = new();
        decimal last = 0;
        foreach (Slice slice in track)
        {
            Assert.That(slice.Start, Is.GreaterThanOrEqualTo(last));
            last = slice.Start;
            while (open.TryPeek(out Slice? outer) && outer.End <= slice.Start)
                open.Pop();
            if (open.TryPeek(out Slice? around))
                Assert.That(slice.End, Is.LessThanOrEqualTo(around.End), $"{slice} in {around}");
            open.Push(slice);
        }
    }
}
