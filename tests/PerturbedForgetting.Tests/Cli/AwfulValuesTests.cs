using PerturbedForgetting.Cli;
using PerturbedForgetting.Cli.Commands;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tests.Training;
using PerturbedForgetting.Tests.Vision;
using PerturbedForgetting.Training;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>Every option of every command with values that nobody should give it, a third of them in each run of the tests: each is refused
/// by name, or the run works.</summary>
[Parallelizable]
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
    static readonly string[] outputs = ["output", "predictions", "per-class", "confusion", "out", "sheet", "eigenvectors"];

    /// <summary>Options that ask for work a hundred thousand times over.</summary>
    static readonly OptionSpec[] endless =
        [HessianOptions.IterationsOption, HessianOptions.TraceOption, HessianOptions.DensityOption];

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
                ("hessian", OptionTables.Hessian), ("forgetting", OptionTables.Forgetting), ("report", OptionTables.Report),
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
        string[][] values = [.. Values(spec)];
        Random.Shared.Shuffle(values);
        foreach (string[] given in values[..(EnvironmentVariables.AllTests.Value == "1" ? values.Length : (values.Length + 2) / 3)])
            Try(command, [spec.Flag, .. given], spec.Flag);
    }

    /// <summary>What commands take beside options, and the options that are in no table.</summary>
    static IEnumerable<TestCaseData> Names()
    {
        string[] axes =
        [
            "=", "=1", "rho=", "rho=,", "rho=0.1,,0.2", "rho=nan", "rho=1e999", "rho=0.1,0.10", "rho=" + new string('1', 5000), "seed=1..",
            "seed=-3..-1", "seed=2147483647..2147483648", "seed=0..99999999999999999999", "img-size=1..10001", "preset=", "preset=,",
            "preset=rn8sh_vanilla,", "resume=auto", "device=cpu", "bce-loss=maybe", "scale=x", "scale=0.5 1", "model-kwargs=layers=[0]",
        ];
        // Without those that lead to all files of a machine.
        string[] names = [.. texts.Where(static t => t is not ("/" or "../.."))];
        (string Command, string[] Before, string[] Values)[] all =
        [
            ("hessian", [], names), ("forgetting", [], names), ("report", [], names), ("presets show", [], names),
            ("presets run", [], names), ("presets validate", [], names), ("sweep", ["--vary"], [.. texts, .. axes]),
            ("sweep", ["--vary", "rho=0.1,0.2", "--devices"], [.. texts, ",", "gpu", "cpu,", "cuda:-1", "cuda:1,x"]),
        ];
        return all.Select(static a => new TestCaseData(a.Command, a.Before, a.Values)
            .SetArgDisplayNames(string.Join(' ', a.Before.Prepend(a.Command))));
    }

    [TestCaseSource(nameof(Names))]
    public void ANameIsRefusedOrWorks(string command, string[] before, string[] values)
    {
        foreach (string value in values)
            Run(command, [.. command.Split(' '), .. before, value, .. command == "sweep" ? Start(command) : []], "");
    }

    IEnumerable<string[]> Values(OptionSpec spec) => spec.Kind switch
    {
        OptionKind.Integer when endless.Contains(spec) => integers.Where(static v => v is not ("100000" or "2147483647"))
            .Select(static v => new[] { v }),
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

    void Try(string command, string[] given, string flag) =>
        Run(command, [.. command.Split(' '), .. Inputs(command), .. Without(Start(command), given[0]), .. given], flag);

    /// <summary>The options that a command has beside the one that is tried.</summary>
    string[] Start(string command) => command switch
    {
        "train" => [.. small, .. training, "--output", folder[$"{Guid.NewGuid():N}"]],
        "validate" => [.. small, "--threads", "1", "--split", "validation"],
        "predict" => ["--checkpoint", checkpoint.Value, "--threads", "1"],
        "features" => ["--checkpoint", checkpoint.Value, "--out", folder["features.npy"], "--threads", "1"],
        "convert" => ["--out", folder[$"{Guid.NewGuid():N}.pth"]],
        "data convert" =>
            ["--dataset", "builtin/shapes:train=8,val=8,size=8", "--to", "folder", "--out", folder[$"{Guid.NewGuid():N}"]],
        "hessian" =>
        [
            "--threads", "1", "--images", "2", "-b", "2", "-j", "0", "--iterations", "2", "--trace", "1", "--density", "1",
            "--density-steps", "2", "--rho", "0.1",
        ],
        "forgetting" =>
        [
            "--threads", "1", "--images", "2", "-b", "2", "-j", "0", "--sharpness-m", "2", "--perturbations", "1", "--rho", "0.1",
            "--perturb", "obf", "--out", folder[$"{Guid.NewGuid():N}"],
        ],
        "sweep" => [.. small, "--epochs", "1", "--threads", "1", "--experiment", "sweep", "--output", folder[$"{Guid.NewGuid():N}"]],
        "report" => [],
        _ => ["--dataset", "builtin/shapes:train=8,val=8,size=8"],
    };

    static void Run(string command, string[] words, string flag)
    {
        StringWriter output = new(), error = new();
        Terminal terminal = new(output, error, IsInteractive: false, Width: 100) { Listen = e => new Interruption(e, _ => { }) };
        string line = $"{command} {string.Join(' ', words.Select(g => g.Length > 40 ? g[..40] + "…" : $"'{g}'"))}";
        long began = Environment.TickCount64;
        int exitCode = new CommandLineApp(Stopping, terminal).Run(words);
        if (Environment.TickCount64 - began > 2000)
            TestContext.Out.WriteLine($"SLOW {line}");
        string said = error.ToString();
        TestContext.Out.WriteLine($"{exitCode} {line}: {said.Trim()}");
        // A sweep goes on behind a run that fails, and ends with 1.
        bool isFailedSweep = command == "sweep" && exitCode == 1 && $"{said}{output}".Contains("failed: ", StringComparison.Ordinal);
        Assert.That(isFailedSweep ? 0 : exitCode, Is.AnyOf(0, 2, 3, 5), $"{line}\n{said}{output}");
        Assert.That(said, Does.Not.Contain("   at ").And.Not.Contain("internal"), line);
        if (exitCode == 2)
            Assert.That(said, Does.Contain(flag), line);
    }

    static string[] Inputs(string command)
    {
        if (command is "convert" or "hessian" or "forgetting")
            return [checkpoint.Value];
        if (command == "report")
            return [Path.GetDirectoryName(checkpoint.Value)!];
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
