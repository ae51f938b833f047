using System.Text.Json;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Optimizers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Schedules;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training;

[TestFixture]
sealed class ScheduleTests
{
    static IEnumerable<TestCaseData> Configs() =>
        ReferenceData.Json("schedule.json").GetProperty("configs").EnumerateArray()
        .Select(c => new TestCaseData(c).SetArgDisplayNames(c.GetProperty("name").GetString()!));

    [TestCaseSource(nameof(Configs))]
    public void LearningRateAndRhoEqualTheReference(JsonElement config)
    {
        double Number(string name) => config.GetProperty(name).GetDouble();
        var schedule = new LinearSchedule(Number("lr"), Number("min_lr"), Number("warmup_lr"), (int)Number("warmup_epochs"),
            (int)Number("epochs"), (long)Number("updates_per_epoch"));
        TrainOptions options = new();
        TrainOptions.RhoPolicyOption.Set(options, config.GetProperty("rho_policy").GetString());
        var rho = RhoPolicy.Create(options.RhoPolicy, Number("rho"), Number("min_rho"), schedule);
        int rows = 0;
        foreach (JsonElement row in config.GetProperty("rows").EnumerateArray())
        {
            double rate = schedule.At(row[0].GetInt64());
            Assert.That(rate, Is.EqualTo(row[1].GetDouble()).Within(1e-12 * Number("lr")), $"lr of update {row[0]}");
            Assert.That(rho.At(rate), Is.EqualTo(row[2].GetDouble()).Within(1e-12 * Number("rho")), $"rho of update {row[0]}");
            rows++;
        }
        Assert.That(rows, Is.GreaterThan(1));
    }

    [Test]
    public void BaseRatesEqualTheReference()
    {
        int rows = 0;
        foreach (JsonElement row in ReferenceData.Json("schedule.json").GetProperty("lr_from_base").GetProperty("rows").EnumerateArray())
        {
            int Whole(string name) => row.GetProperty(name).GetInt32();
            string opt = row.GetProperty("opt").GetString()!, scale = row.GetProperty("scale").GetString()!;
            LrScale named = scale == "sqrt" ? LrScale.Sqrt : LrScale.Linear;
            foreach (LrScale? asked in new LrScale?[] { named, null })
            {
                var options = new TrainOptions
                {
                    Opt = OptimizerName.Parse(opt),
                    LrBase = row.GetProperty("lr_base").GetDouble(),
                    LrBaseSize = Whole("lr_base_size"),
                    LrBaseScale = asked,
                    // The images of all workers make one update.
                    BatchSize = Whole("batch_size") * Whole("world_size"),
                    GradAccumSteps = Whole("grad_accum_steps"),
                };
                Assert.That(options.EffectiveLr, Is.EqualTo(row.GetProperty("lr").GetDouble()).Within(1e-12), opt);
            }
            rows++;
        }
        Assert.That(rows, Is.EqualTo(5));
    }

    [Test]
    public void ProportionalRhoRefusesARateThatDoesNotChange() => Assert.That(
        () => RhoPolicy.Create(RhoPolicyKind.LrProportional, 0.1, 0.05, new LinearSchedule(0.01, 0.01, 0, 0, 3, 10)),
        Throws.ArgumentException.With.Message.Contains("`minRate`").And.Message.Contains("0.01"));

    [Test]
    public void UnknownNamesListTheChoices()
    {
        TrainOptions options = new();
        TrainOptions.RhoPolicyOption.Set(options, "cosine");
        TrainOptions.LrBaseScaleOption.Set(options, "cubic");
        Assert.That(options.Validate().Select(static p => p.ToString()),
            Has.One.Contains("--rho-policy").And.One.Contains("lr_prop").And.One.Contains("--lr-base-scale").And.One.Contains("sqrt"));
    }

    [TestCase(5, 2, new[] { 2, 2, 2, 2, 1 }, new[] { 1, 3, 4 })]
    [TestCase(5, 3, new[] { 3, 3, 3, 2, 2 }, new[] { 2, 4 })]
    [TestCase(4, 2, new[] { 2, 2, 2, 2 }, new[] { 1, 3 })]
    [TestCase(2, 5, new[] { 2, 2 }, new[] { 1 })]
    [TestCase(3, 1, new[] { 1, 1, 1 }, new[] { 0, 1, 2 })]
    public void AShortLastWindowIsAMeanOverItsOwnBatches(int batches, int accumulation, int[] divisors, int[] updates)
    {
        UpdateWindow[] windows = [.. Enumerable.Range(0, batches).Select(b => UpdateWindow.At(b, batches, accumulation))];
        Assert.That(windows.Select(w => w.Divisor), Is.EqualTo(divisors));
        Assert.That(Enumerable.Range(0, batches).Where(b => windows[b].IsLast), Is.EqualTo(updates));
        Assert.That(UpdateWindow.PerEpoch(batches, accumulation), Is.EqualTo(updates.Length));
        Assert.That(windows.Sum(w => 1.0 / w.Divisor), Is.EqualTo(updates.Length).Within(1e-12));
    }
}
