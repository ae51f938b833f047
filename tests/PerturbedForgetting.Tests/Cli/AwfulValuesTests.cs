using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Tests.Training;
using PerturbedForgetting.Tests.Vision;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>Every option of every command with values that nobody should give it: each is refused by name, or the run works.</summary>
sealed class AwfulValuesTests : TempFolderFixture
{
    /// <summary>Values of no particular option, and for those that take something of a kind.</summary>
    static readonly string[] texts =
        ["", " ", "0", "-1", "nan", "../..", "/", "a/b", "x=1", "ü\u0001", "\U0001F600", new string('a', 5000), "--", "-", "*", "%s{0}"],
        integers = ["0", "-1", "1", "3", "100000", "2147483647", "-2147483648", "2147483648", "1.5", "", "x"],
        numbers = ["0", "-1", "1", "1e-320", "1.7e308", "-1.7e308", "1e309", "nan", "-inf", "", "1,5"],
        pairs =
        [
            "", "x", "x=1", "=1", "layers=", "layers=0", "layers=[]", "layers=[0,0,0]", "layers=[-1,1,1]", "layers=[1]",
            "layers=[1,1,1,1,1]",
            "layers=[1000000,1,1]", "layers=[[1],1,1]", "layers=None", "layers=1e3", "block=x", "stem=x", "stem=cifar", "class_token=maybe",
            "embed_dim=0", "embed_dim=7", "embed_dim=1000000", "depth=0", "depth=1000000", "num_heads=0", "num_heads=5", "patch_size=0",
            "patch_size=1000", "dim=0", "mlp_ratio=0", "mlp_ratio=nan", "mlp_ratio=1e9", "width=0", "width=-4", "width=100000000",
        ];

    /// <summary>A run of two updates.</summary>
    static readonly string[] small =
    [
        "--dataset", "builtin/shapes:train=8,val=8,size=8", "-m", "resnet20", "--img-size", "8", "-b", "4", "-j", "0", "--device", "cpu",
    ];

    static readonly string[] training = ["--opt", "sam_sgdw", "--epochs", "1", "--threads", "1", "--experiment", "run"];

    /// <summary>Options that name what is written.</summary>
    static readonly string[] outputs = ["output", "predictions", "per-class", "confusion", "out", "sheet"];

    static readonly TempFolder trained = new();

    static readonly Lazy<string> checkpoint = new(() => Path.Combine(ShortRun.Train(ShortRun.Options(trained.Path)).Folder,
        "last.safetensors"));

    [OneTimeTearDown]
    public void RemoveRun() => trained.Dispose();

    static IEnumerable<TestCaseData> Options()
    {
        foreach ((string command, OptionTable table) in new[]
            {
                ("train", OptionTables.Train), ("validate", OptionTables.Validate), ("data check", OptionTables.DataCheck),
                ("predict", OptionTables.Predict), ("features", OptionTables.Features), ("convert", OptionTables.Convert),
                ("data inspect", OptionTables.Inspect), ("data convert", OptionTables.ConvertData),
            })
            // What commands share is checked by the same rules; where it leads after them differs for sizes and files.
            foreach (OptionSpec spec in table.Specs.Where(s => command == "train"
                || !OptionTables.Train.Specs.Concat(command == "validate" ? [] : OptionTables.Validate.Specs).Contains(s)
                || (command is "validate" or "data check" && s.Kind == OptionKind.Integer)
                || s == RunOptions.DataDirOption || s == RunOptions.ModelOption))
                yield return new TestCaseData(command, spec).SetName($"{command} {spec.Flag}");
    }

    [TestCaseSource(nameof(Options))]
    public void IsRefusedByNameOrWorks(string command, OptionSpec spec)
    {
        foreach (string[] values in Values(spec))
            Try(command, [spec.Flag, .. values], spec.Flag);
    }

    IEnumerable<string[]> Values(OptionSpec spec) => spec.Kind switch
    {
        OptionKind.Integer => integers.Select(v => new[] { v }),
        OptionKind.Number => numbers.Select(v => new[] { v }),
        OptionKind.Numbers =>
            [.. numbers.Select(v => new[] { v }), .. numbers.Select(v => new[] { v, "0.5" }), ["1", "1", "1"], ["1", "2", "3", "4"]],
        OptionKind.Pairs => [.. pairs.Select(v => new[] { v }), ["layers=[1,1,1]", "layers=[2,2,2]"]],
        OptionKind.Switch => [[]],
        // Nothing is written elsewhere, and nothing twice.
        _ when outputs.Contains(spec.Name) => texts.Where(v => v is not ("" or "/" or "../.."))
            .Select(v => new[] { $"{folder.Path}/new/{v}" }),
        // The test has no standard input.
        _ when spec == ImageInputOptions.ListOption => texts.Where(v => v != "-").Select(v => new[] { v }),
        _ when spec == RunOptions.DataDirOption => texts.Where(v => v is not ("/" or "../..")).Select(v => new[] { v }),
        _ => spec.Choices.Count > 0 ? [.. spec.Choices.Select(c => new[] { c }), ["x"], [""]] : texts.Select(v => new[] { v }),
    };

    void Try(string command, string[] given, string flag)
    {
        StringWriter output = new(), error = new();
        Terminal terminal = new(output, error, IsInteractive: false, Width: 100) { Listen = e => new Interruption(e, _ => { }) };
        string[] start = command switch
        {
            "train" => [.. small, .. training, "--output", folder[$"{Guid.NewGuid():N}"]],
            "validate" => [.. small, "--threads", "1", "--split", "validation"],
            "predict" => ["--checkpoint", checkpoint.Value, "--threads", "1"],
            "features" => ["--checkpoint", checkpoint.Value, "--out", folder["features.npy"], "--threads", "1"],
            "convert" => ["--out", folder[$"{Guid.NewGuid():N}.pth"]],
            "data convert" =>
                ["--dataset", "builtin/shapes:train=8,val=8,size=8", "--to", "folder", "--out", folder[$"{Guid.NewGuid():N}"]],
            _ => ["--dataset", "builtin/shapes:train=8,val=8,size=8"],
        };
        string line = $"{command} {string.Join(' ', given.Select(g => g.Length > 40 ? g[..40] + "…" : $"'{g}'"))}";
        long began = Environment.TickCount64;
        int exitCode = new CommandLineApp(Stopping, terminal)
            .Run([.. command.Split(' '), .. Inputs(command), .. Without(start, given[0]), .. given]);
        if (Environment.TickCount64 - began > 2000)
            TestContext.Out.WriteLine($"SLOW {line}");
        string said = error.ToString();
        TestContext.Out.WriteLine($"{exitCode} {line}: {said.Trim()}");
        Assert.That(exitCode, Is.AnyOf(0, 2, 3, 5), $"{line}\n{said}{output}");
        Assert.That(said, Does.Not.Contain("   at ").And.Not.Contain("internal"), line);
        if (exitCode == 2)
            Assert.That(said, Does.Contain(flag), line);
    }

    static string[] Inputs(string command)
    {
        if (command == "convert")
            return [checkpoint.Value];
        if (command is not ("predict" or "features"))
            return [];
        string image = trained["a.jpg"];
        if (!File.Exists(image))
            File.WriteAllBytes(image, TestImages.Jpeg(8, 8));
        return [image];
    }

    /// <summary>What an option takes the place of beside itself.</summary>
    static readonly (string Option, string Other)[] replaced =
        [("--data-dir", "--dataset"), ("--model", "-m"), ("--batch-size", "-b"), ("--workers", "-j")];

    static IEnumerable<string> Without(string[] arguments, string flag)
    {
        for (int i = 0; i < arguments.Length; i += 2)
            if (arguments[i] != flag && !replaced.Contains((flag, arguments[i])))
            {
                yield return arguments[i];
                yield return arguments[i + 1];
            }
    }

    /// <summary>The engine's programs, but no run goes on after its first two updates.</summary>
    static CommandHandlers Stopping { get; } = CommandHandlers.Default with
    {
        Train = static (options, context) =>
        {
            using CancellationTokenSource stop = new();
            int updates = 0;
            RecordingObserver observer = new()
            {
                OnUpdate = _ =>
                {
                    if (++updates == 2)
                        stop.Cancel();
                },
            };
            TrainResult result = Trainer.Run(options, observer, stop.Token, context.Given);
            return (result.Json, result.Folder);
        },
    };
}
