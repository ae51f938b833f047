using System.Text.Json;
using CsCheck;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Training.Options;

[TestFixture]
sealed class OptionsJsonTests
{
    [Test]
    public void EveryOptionSurvivesJson()
    {
        foreach (RunOptions defaults in new RunOptions[] { new TrainOptions(), new ValidateOptions() })
        {
            OptionTable table = OptionTables.For(defaults);
            RunOptions changed = defaults is TrainOptions ? new TrainOptions() : new ValidateOptions();
            foreach (OptionSpec spec in table.Specs)
                spec.Set(changed, Other(spec));
            RunOptions read = defaults is TrainOptions ? new TrainOptions() : new ValidateOptions();
            IReadOnlyList<OptionSpec> named = OptionsJson.Apply(read, OptionsJson.Write(changed), "args.json");
            Assert.That(named, Is.EquivalentTo(table.Specs));
            foreach (OptionSpec spec in table.Specs)
            {
                Assert.That(spec.Get(read), Is.EqualTo(Other(spec)), spec.Flag);
                Assert.That(OptionValue.Format(spec.Get(defaults)), Is.Not.EqualTo(OptionValue.Format(Other(spec))),
                    $"{spec} does not test anything");
            }
            Assert.That(OptionsJson.Write(read), Is.EqualTo(OptionsJson.Write(changed)));
            // And back to the defaults, null values included.
            OptionsJson.Apply(read, OptionsJson.Write(defaults), "args.json");
            Assert.That(OptionsJson.Write(read), Is.EqualTo(OptionsJson.Write(defaults)));
        }
    }

    [Test]
    public void EachOptionHasItsOwnPlace()
    {
        foreach (OptionTable table in new[] { OptionTables.Train, OptionTables.Validate, OptionTables.DataCheck })
        {
            Func<RunOptions> create = table == OptionTables.Validate ? () => new ValidateOptions() : () => new TrainOptions();
            foreach (OptionSpec spec in table.Specs)
            {
                RunOptions options = create();
                spec.Set(options, Other(spec));
                Assert.That(table.Specs.Where(s => OptionValue.Format(s.Get(options)) != OptionValue.Format(s.Get(create()))),
                    Is.EqualTo(new[] { spec }));
                Assert.That(spec.Help, Is.Not.Empty.And.Not.EndsWith("."), spec.Flag);
                Assert.That(spec.Group, Is.Not.Empty, spec.Flag);
            }
        }
    }

    [TestCase("{\"lr\": 0.1, \"batch_size\": 8, // comment\n}", 2)]
    [TestCase("{}", 0)]
    [TestCase("{\"mean\": 0.5, \"scale\": [0.1, 1], \"lr\": null, \"gp\": \"\", \"model-kwargs\": {\"a\": [1, 2.5, \"x\", null, "
        + "true]}}", 5)]
    public void UsefulFormsAreRead(string json, int count) =>
        Assert.That(OptionsJson.Apply(new TrainOptions(), json, "c.json"), Has.Count.EqualTo(count));

    [TestCase("{\"batchsize\": 8}", "no option 'batchsize'. Did you mean 'batch-size'")]
    [TestCase("{\"lr\": \"0.1\"}", "'lr' takes a number, got \"0.1\"")]
    [TestCase("{\"epochs\": 1.5}", "'epochs' takes a whole number")]
    [TestCase("{\"epochs\": 99999999999}", "'epochs' takes a whole number")]
    [TestCase("{\"epochs\": null}", "'epochs' takes a whole number")]
    [TestCase("{\"bce-loss\": 1}", "'bce-loss' takes true or false")]
    [TestCase("{\"scale\": [1, \"2\"]}", "'scale' takes a list of numbers")]
    [TestCase("{\"opt\": 3}", "'opt' takes a text")]
    [TestCase("{\"lr\": 1, \"lr\": 2}", "'lr' occurs twice")]
    [TestCase("{\"model-kwargs\": []}", "takes an object")]
    [TestCase("[]", "no JSON object")]
    [TestCase("{\"lr\": 0.1", "not valid JSON")]
    [TestCase("", "not valid JSON")]
    public void WrongJsonIsExplained(string json, string words) =>
        Assert.That(() => OptionsJson.Apply(new TrainOptions(), json, "c.json"),
            Throws.TypeOf<OptionException>().With.Message.Contains(words).And.Message.Contains("c.json"));

    [Test]
    public void AllWrongEntriesAreReported()
    {
        OptionException e = Assert.Throws<OptionException>(() =>
            OptionsJson.Apply(new TrainOptions(), "{\"x\": 1, \"lr\": true, \"seed\": 3}", "c.json"))!;
        Assert.That(e.Problems, Has.Count.EqualTo(2));
    }

    [Test]
    public void ADifferenceIsListedWithOldAndNewValue()
    {
        TrainOptions old = new() { Lr = 0.1 };
        TrainOptions current = old with
        {
            Lr = 0.01,
            Scale = [0.08, 1],
            BceLoss = true,
            ModelKwargs = new Dictionary<string, object?>
            { ["class_token"] = false }
        };
        Assert.That(OptionsJson.Diff(old, current).Select(c => c.ToString()), Is.EquivalentTo(new[]
        {
            "--lr: 0.1 -> 0.01", "--scale: 0.05 1 -> 0.08 1", "--bce-loss: off -> on", "--model-kwargs: (empty) -> class_token=False",
        }));
    }

    [Test]
    public void NumbersDoNotLoseDigits() => Gen.Double.Where(double.IsFinite).Sample(value =>
    {
        TrainOptions read = new();
        OptionsJson.Apply(read, OptionsJson
            .Write(new TrainOptions { Lr = value, ModelKwargs = new Dictionary<string, object?> { ["x"] = value } }), "c.json");
        return read.Lr == value && read.ModelKwargs["x"] is double x && x == value;
    });

    [Test]
    public void TheFileIsPlainJsonWithOneLineAnOption()
    {
        string json = OptionsJson.Write(new TrainOptions { DataDir = "données/画像" });
        Assert.That(json, Does.Contain("  \"data-dir\": \"données/画像\",\n").And.Contain("\"local_rank\": 0")
            .And.Contain("\"obf-C\": 1000.0"));
        using JsonDocument document = JsonDocument.Parse(json);
        Assert.That(document.RootElement.EnumerateObject().Count(), Is.EqualTo(OptionTables.Train.Specs.Count));
    }

    /// <summary>A value that is not the default of any option.</summary>
    static object Other(OptionSpec spec) => spec.Kind switch
    {
        OptionKind.Text => "ä \"x\"",
        OptionKind.Integer => 1234567,
        OptionKind.Number => 0.1 + 0.2,
        OptionKind.Switch => true,
        OptionKind.Numbers => new[] { 1e-300, 2.0 },
        _ => new Dictionary<string, object?>
        { ["a"] = 1L, ["b"] = 1.0, ["c"] = true, ["d"] = null, ["e"] = "x=y", ["f"] = new object?[] { 1L, "z" } },
    };
}
