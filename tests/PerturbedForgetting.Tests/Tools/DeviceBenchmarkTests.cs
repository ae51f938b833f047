using System.Text.Json;
using DeviceBenchmark;

namespace PerturbedForgetting.Tests.Tools;

/// <summary>What tools/on-device.sh runs beside the command line and the tests.</summary>
sealed class DeviceBenchmarkTests
{
    StringWriter output = null!, error = null!;
    TempFolder folder = null!;

    [SetUp]
    public void Make() => (output, error, folder) = (new StringWriter(), new StringWriter(), new TempFolder());

    [TearDown]
    public void Remove() => folder.Dispose();

    [Test]
    public void LossesOfTheSoftwareGpuAreTheCpus()
    {
        Assert.That(Run("losses", "--device", "sim", "--model", "vit", "--steps", "2", "--json", folder["losses.json"]), Is.Zero,
            error.ToString() + output);
        JsonElement row = Json("losses.json").GetProperty("losses")[0];
        Assert.That(row.GetProperty("good").GetBoolean());
        Assert.That(row.GetProperty("drift").EnumerateArray().Select(d => d.GetProperty("steps").GetInt32()), Is.EqualTo(new[] { 1, 2 }));
        Assert.That(row.GetProperty("drift")[1].GetProperty("relative").GetDouble(), Is.InRange(1e-12, 1e-5));
    }

    [TestCase(1.0, 1.0009, true), TestCase(1.0, 1.0011, false), TestCase(1.0, double.NaN, false), TestCase(2.0, 1.9981, true)]
    public void FirstStepsMustAgree(double expected, double actual, bool isGood)
    {
        double[] ofCpu = [.. Enumerable.Repeat(3.0, 20)], ofDevice = [.. ofCpu];
        (ofCpu[9], ofDevice[9]) = (expected, actual);
        // Later ones may drift apart.
        ofDevice[10] = 7;
        Assert.That(new LossComparison.Row(Cases.SmallResNet, ofCpu, ofDevice).IsGood, Is.EqualTo(isGood));
    }

    [Test]
    public void StepsAreCounted()
    {
        Assert.That(Run("steps", "--device", "sim", "--model", "vit", "--steps", "1", "--json", folder["steps.json"]), Is.Zero,
            error.ToString() + output);
        JsonElement[] rows = [.. Json("steps.json").GetProperty("steps").EnumerateArray()];
        Assert.That(rows.Select(r => r.GetProperty("optimizer").GetString()).Distinct(), Is.EqualTo(new[] { "adamw", "sam_adamw" }));
        Assert.That(rows.Select(r => r.GetProperty("kernels").GetInt64()), Is.All.Positive);
        // Optimizer by optimizer, without and with graph: the same kernels move the same bytes.
        Assert.That(rows.Select(r => r.GetProperty("graph").GetBoolean()), Is.EqualTo(new[] { false, true, false, true }));
        Assert.That(rows[1].GetProperty("bytes_moved").GetInt64(), Is.EqualTo(rows[0].GetProperty("bytes_moved").GetInt64()));
        // A step of SAM with two perturbations has four passes instead of one.
        long plain = rows[0].GetProperty("bytes_moved").GetInt64(), perturbed = rows[^1].GetProperty("bytes_moved").GetInt64();
        Assert.That(perturbed, Is.InRange(plain * 2, plain * 4));
    }

    [Test]
    public void SummaryTellsEveryPart()
    {
        Put("devices.log", "cpu\n  processor     A processor\ncuda:0\n  processor     Test card\n  memory        8 GiB\n");
        Put("results.jsonl", """
            {"device": "cuda", "date": "2026-11-25T10:00Z"}
            {"part": "devices", "state": "Ok", "seconds": 1}
            {"part": "smoke", "state": "Ok", "seconds": 9, "result": {"losses": [
                {"model": "m", "drift": [{"steps": 2, "relative": 2e-5}]}]}}
            {"part": "tests.norms", "state": "Killed", "seconds": 9, "note": "not done after 9 s"}
            {"part": "tests.norms", "state": "Sticky", "seconds": 62, "result": {"passed": 7, "failed": ["A", "B"], "skipped": 0,
                "not_run": 5, "unfinished": [], "stopped": "CUDA_ERROR_ILLEGAL_ADDRESS (700)"}}
            {"part": "kernels", "state": "Ok", "seconds": 8, "result": {"copy_gigabytes_per_second": 2000, "roofline": "h100", "kernels": [
                {"kernel": "relu", "ratio_to_copy": 0.9, "measured_over_least": 1.5}, {"kernel": "softmax", "ratio_to_copy": 0.5},
                {"kernel": "combine", "ratio_to_copy": 0.95}, {"kernel": "gemm_nn", "teraflops": 12.34}]}}
            {"part": "steps.m", "state": "OutOfTime", "seconds": 7, "result": {"steps": [
                {"model": "m", "optimizer": "sgdw", "graph": false, "seconds": 0.2},
                {"model": "m", "optimizer": "sgdw", "graph": true, "seconds": 0.1, "measured_over_least": 1.25}]}}
            {"part": "sanitizer", "state": "LeftOut", "seconds": 0, "note": "not installed"}
            {"part": "losses", "state": "Cut", "seconds": 0, "note": "takes 10 s at the least, 3 s were left"}
            {"part": "torch", "state": "Killed", "seconds": 6, "note": "not done after 6 s", "result": {"steps": [
                {"model": "m", "optimizer": "sgdw", "seconds": 0.25}]}}
            {"part": "cut sho
            """.ReplaceLineEndings("\n").Replace(",\n    ", ", ").Replace("[\n    ", "["));
        Assert.That(Run("summary", folder.Path), Is.EqualTo(1), "a part failed");
        string[] lines = output.ToString().Split(Environment.NewLine);
        Assert.That(lines, Has.Some.EqualTo("Test card, 2026-11-25T10:00Z"));
        Assert.That(lines, Has.Some.Match("^devices +ok +1 s$"));
        Assert.That(lines, Has.Some.Match("^smoke +ok +9 s +m: 2 steps 2e-5$"));
        Assert.That(lines, Has.Some.Match("^tests.norms +STICKY ERROR +62 s +7 passed, 2 failed, 5 not run after "
            + "CUDA_ERROR_ILLEGAL_ADDRESS"));
        Assert.That(lines, Has.Some.Match("^ +failed: A$"));
        Assert.That(lines, Has.Some.Match("^sanitizer +left out +not installed$"));
        Assert.That(lines, Has.Some.Match("^losses +cut +takes 10 s at the least, 3 s were left$"));
        Assert.That(lines, Has.Some
            .Match("^kernels +ok +8 s +copy 2000 GB/s; 3 kernels bound by memory: median 90% of it, least softmax 50%, relu 90%, combine "
                + "95%$"));
        Assert.That(lines, Has.Some.Match("^ +TFLOP/s: gemm_nn 12.3$"));
        Assert.That(lines, Has.Some.Match("^steps.m +time over +7 s +m sgdw: 0.2000 s, graph 0.1000 s \\(1.25 of the least\\)$"));
        Assert.That(lines, Has.Some.Match("^ +measured over computed on h100: median 1.50, most relu 1.50$"));
        Assert.That(lines, Has.Some.Match(@"^torch +KILLED +6 s +not done after 6 s$"));
        Assert.That(lines, Has.Some.Match("^ +m sgdw: 0.2500 s, ratio 2.50$"));
        JsonElement json = Json("on-device.json"), parts = json.GetProperty("parts");
        Assert.That(json.GetProperty("card").GetString(), Is.EqualTo("Test card"));
        Assert.That(parts.GetProperty("kernels").GetProperty("result").GetProperty("kernels").GetArrayLength(), Is.EqualTo(4));
        Assert.That(parts.GetProperty("sanitizer").GetProperty("reason").GetString(), Is.EqualTo("not installed"));
    }

    /// <summary>A step of the reference's smallest model, counted and not executed.</summary>
    [Test]
    public void AStepIsCountedWithoutACard()
    {
        Assert.That(Run("roofline", "--card", "h100", "--model", "vit_small_patch32"), Is.Zero, error.ToString());
        string[] rows = [.. output.ToString().Split(Environment.NewLine).Where(l => l.StartsWith("vit", StringComparison.Ordinal))];
        Assert.That(rows, Has.Length.EqualTo(2));
        Assert.That(rows[0], Does.Match("^vit_small_patch32_224 sam_adamw +ours +512 +64 "));
        Assert.That(rows[1], Does.Match("^vit_small_patch32_224 sam_adamw +reference +512 +64 "));
        double[][] numbers = [.. rows.Select(r => r.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(5)
            .Select(f => double.Parse(f.TrimEnd('%'), System.Globalization.CultureInfo.InvariantCulture)).ToArray())];
        // Two multiply-adds' operations in three products of two passes; attention's backward pass computes again.
        double products = 512 * 2 * 3 * 2 * 1.124e9 / 1e12;
        Assert.That(numbers.Select(n => n[2]), Is.All.EqualTo(products).Within(6).Percent);
        Assert.That(numbers[1][0], Is.GreaterThan(numbers[0][0]), "the reference launches more");
        Assert.That(numbers[1][1], Is.GreaterThan(numbers[0][1]), "and moves more");
        Assert.That(numbers.Select(n => n[3] <= n[4]), Is.All.True, "a graph is not slower");
    }

    /// <summary>The model's ends: one GPU waits for nobody; a ring of eight carries each byte 2·7/8 times; beyond a node the network
    /// counts; more time a step hides more.</summary>
    [Test]
    public void ScalingFollowsTheFormula()
    {
        ScalingModel model = new(new("inside", 100e9, 0), new("outside", 10e9, 1e-6));
        Assert.That(model.Seconds(1e9, 1), Is.Zero);
        Assert.That(model.Seconds(1e9, 8), Is.EqualTo(2 * 7.0 / 8 * 1e9 / 100e9).Within(1e-12));
        double ring = (2 * 1.0 / 2 * 0.125e9 / 10e9) + (2 * 1e-6);
        Assert.That(model.Seconds(1e9, 16), Is.EqualTo(model.Seconds(1e9, 8) + ring).Within(1e-12), "two nodes");
        double tree = (2 * 1.0 / 10e9) + (2 * 7 * 1e-6);
        Assert.That(model.Seconds(8, 1024), Is.EqualTo(model.Seconds(8, 8) + tree).Within(1e-12), "a short message takes the tree");
        Assert.That(model.Efficiency(1, 1e9, 64), Is.GreaterThan(model.Efficiency(0.1, 1e9, 64)));
        Assert.That(Run("scaling", "--step-ms", "100", "--parameters", "25e6", "--accumulation", "1"), Is.Zero, error.ToString());
        Assert.That(output.ToString(), Does.Contain("100.0 ms, 100.0 MB to reduce").And.Match(@"(?m)^ +1024 .*ms +9\d\.\d%.*ms +9\d\.\d%"));
    }

    [TestCase("'fly' is no command", "fly"), TestCase("'--wings'", "steps", "--wings", "2"),
        TestCase("--steps is 'many'", "steps", "--steps", "many"),
     TestCase("needs a value", "losses", "--json"), TestCase("--seconds is '0'", "smoke", "--seconds", "0"),
     TestCase("No case begins with 'vgg'; there are resnet20 sam_sgdw", "losses", "--model", "vgg"),
     TestCase("There is no card 'rtx409'. Did you mean 'rtx4090'", "roofline", "--card", "rtx409"),
     TestCase("--step-ms is '-3'", "scaling", "--step-ms", "-3"), TestCase("--step-ms needs --parameters", "scaling", "--step-ms", "3"),
     TestCase("--details is 'maybe'", "roofline", "--details", "maybe"),
     TestCase("--minutes is '-1'", "run", "--minutes", "-1"), TestCase("--device is 'cpu', not 'cuda' or 'sim'", "run", "--device", "cpu"),
     TestCase("--only names 'test'; there are devices, smoke, tests.multi_tensor,", "run", "--only", "smoke,test")]
    public void WrongCommandLineIsExplained(string words, params string[] arguments)
    {
        Assert.That(Run(arguments), Is.EqualTo(2));
        Assert.That(error.ToString(), Does.Contain(words).And.Contain("usage"));
    }

    int Run(params string[] arguments) => BenchmarkApp.Run(arguments, output, error);

    void Put(string name, string text) => File.WriteAllText(folder[name], text);

    JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllBytes(folder[name])).RootElement;
}
