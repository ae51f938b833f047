using System.Diagnostics;
using PerturbedForgetting.Tests.Vision;

namespace PerturbedForgetting.Tests.Documents;

/// <summary>
/// Every command of README, CONTRIBUTING and docs: it runs here, on small data and for a moment, or the table says why not. A command that
/// is in neither fails the test, and so does a row of the table that no document shows any more.
/// </summary>
[Parallelizable]
sealed class CommandsDocumentTests
{
    const string Cli = "perturbed-forgetting", RunCli = "dotnet run -c Release --project src/PerturbedForgetting.Cli --",
        RunBenchmarks = "dotnet run -c Release --project tools/Benchmarks --",
        RunDeviceBenchmark = "dotnet run -c Release --project tools/DeviceBenchmark --";

    static readonly TimeSpan patience = TimeSpan.FromMinutes(2);

    static readonly string shortShapes = "--dataset builtin/shapes:train=16,val=8,size=16 --img-size 16 -b 4 -j 0 --epochs 1";

    /// <summary>
    /// What is put behind a command, or in place of a part of it, so that it takes a moment. Of an option that occurs twice the last
    /// counts. Rows are in the order in which they run: some need what others leave.
    /// </summary>
    static readonly (string Command, string Added, (string Old, string New)[] Changes)[] running =
    [
        ($"{RunCli} train --dataset builtin/shapes", shortShapes, []),
        ($"{Cli} train --dataset builtin/shapes --opt sam_sgdw --perturb-loss obf --obf-C 10 --sam-direction vasso --sam-every 2",
            shortShapes, []),
        ($"{Cli} data check --data-dir data --val-split test", "", []),
        ($"{Cli} train --data-dir data --val-split test -m resnet20 --img-size 32 --crop-padding 4 --opt sam_sgdw --perturb-loss obf "
            + "--obf-C 10 --rho 0.1 --lr 0.1 --weight-decay 5e-4 --epochs 30 --experiment obf", "--epochs 1 -b 4 -j 0", []),
        ($"{Cli} train --config output/train/obf/args.json --resume auto", "--epochs 2", []),
        ($"{Cli} validate --data-dir data --split test --checkpoint output/train/obf/best.safetensors", "-b 4", []),
        ($"{Cli} predict photos --checkpoint output/train/obf/best.safetensors --topk 3 --format csv --out answers.csv", "-j 0", []),
        ($"{Cli} validate --data-dir data --split test --checkpoint output/train/obf/best.safetensors --predictions predictions.csv "
            + "--per-class classes.csv --confusion confusion", "-b 4", []),
        ($"{Cli} features --data-dir data --split test --checkpoint output/train/obf/best.safetensors --out features.npy", "-b 4", []),
        ($"{Cli} hessian output/train/obf --eigenvalues 3 --which both --trace 8 --density 4 --density-steps 12 --rho 0.05 0.2 "
            + "--sharpness-m 4 --out curvature", "-j 0 --iterations 2 --trace 1 --density 1 --density-steps 2 --rho 0.1", []),
        ($"{Cli} validate --data-dir data --split train --checkpoint output/train/obf/best.safetensors --validate-hessian",
            "-b 4 -j 0 --sharpness-iters 2", []),
        ($"{Cli} forgetting output/train/obf", "-b 4 -j 0 --images 4 --sharpness-m 4 --perturbations 1 --rho 0.1 --perturb obf", []),
        ($"{Cli} forgetting output/train/obf --perturb maximize --asam off,both --asam-eta 0.01 --asam-params weight --obf-steps 1 3",
            "-b 4 -j 0 --images 4 --sharpness-m 4 --perturbations 1 --rho 0.1", []),
        ($"{Cli} forgetting vanilla-1 --data-dir cifar10 --device cpu --top-eigenvalue --images 300",
            "-b 4 -j 0 --sharpness-m 4 --perturbations 1 --rho 0.1 --perturb obf --val-split test",
            [("vanilla-1", "output/train/obf"), ("--data-dir cifar10", "--data-dir data"), ("300", "4")]),
        ($"{Cli} data inspect data --splits train,test --sheet sheet.png", "", []),
        ($"{Cli} data convert data --splits train,test --to webdataset --out shards --shard-size 256", "", []),
        ($"{Cli} data convert data --splits train,test --to tfrecord --out tfds --name animals", "", []),
        ($"{Cli} convert output/train/obf/best.safetensors --out best.pth", "", []),
        ($"{Cli} convert output/train/obf/best.safetensors --out best.onnx", "", []),
        ($"{Cli} train --dataset builtin/shapes --opt sam_sgdw --perturb-loss obf --experiment shapes --log-tensorboard --log-json",
            shortShapes, []),
        ($"{Cli} models", "", []),
        ($"{Cli} train --help", "", []),
        ($"{Cli} devices --verbose", "", []),
        // Without a card on the software GPU.
        ($"{Cli} train --dataset builtin/shapes --device cuda", $"{shortShapes} --device sim --opt sgd", []),
        ($"{Cli} train --dataset builtin/shapes --opt sam_sgdw --device cuda --profile 20", $"{shortShapes} --device sim --profile 1", []),
        ($"{Cli} train --dataset builtin/shapes --opt sam_sgdw --device sim --profile 1 --roofline h100", shortShapes, []),
        ($"{Cli} kernels profile --filter gelu", "", []),
        ($"{Cli} kernels profile --roofline h100 --filter gelu", "", []),
        ($"{RunDeviceBenchmark} roofline --card a100,h100,rtx4090", "--model vit_small_patch32", [("a100,h100,rtx4090", "h100")]),
        ($"{RunDeviceBenchmark} scaling --step-ms 100 --parameters 86.6e6", "", []),
        ($"{RunDeviceBenchmark} scaling --card a100 --model resnet50", "", [("resnet50", "vit_small_patch32")]),
        ($"{RunCli} kernels profile --device cuda --launches 50", "--filter gelu", [("cuda", "sim"), ("50", "1")]),
        ($"{RunDeviceBenchmark} steps --device sim", "--model vit --steps 1", []),
        ($"{Cli} train --data-dir cifar10 --val-split test -m resnet20 --img-size 32 --crop-padding 4 -b 128 -vb 250 -j 1 --lr 0.1 "
            + "--weight-decay 5e-4 --warmup-epochs 0 --epochs 3", "--epochs 1 -b 4", []),
        ($"{Cli} train --data-dir cifar10 --val-split test -m vit_tiny_patch4_32 --crop-padding 4 -b 100 -vb 250 -j 1 --opt sam_adamw "
            + "--perturb-loss obf --obf-C 10 --rho 0.05 --lr 1e-3 --weight-decay 0.05 --warmup-epochs 0 --clip-grad 1 --epochs 2",
            "--epochs 1 -b 4 --model-kwargs depth=1", []),
        ($"{Cli} train --data-dir tenth --val-split test -m resnet20 --img-size 32 --crop-padding 4 -b 64 -vb 250 -j 1 --weight-decay 1e-3 "
            + "--lr 0.1 --min-lr 0.001 --warmup-epochs 1 --warmup-lr 0 --epochs 15 --opt sam_sgdw --rho 0.1 --perturb-loss obf "
            + "--obf-C 10 --obf-gamma 1e-12 --seed 1 --experiment sam_obf-1", "--epochs 1 -b 4", [("tenth", "cifar10")]),
        ($"{Cli} validate --data-dir cifar10 --split test --checkpoint output/train/sam_obf-1/last.safetensors", "-b 4", []),
        ($"{Cli} forgetting output/train --perturb maximize,obf,rand --rho 0.1 --perturbations 2 --images 300 --top-eigenvalue",
            "-b 4 -j 0 --sharpness-m 4 --perturbations 1 --images 4", [("output/train", "output/train/sam_obf-1")]),
        ($"{Cli} presets run rn8sh_sam_obf", $"{shortShapes} --sharpness-m 4", []),
        ($"{Cli} presets validate rn8sh_sam_obf", "", []),
        ($"{Cli} report output/train", "", []),
        ($"{RunBenchmarks} --help", "", []),
        ($"{RunBenchmarks} kernels --save before.json", "", [("kernels", "kernels:gemm:resnet50")]),
        ($"{RunBenchmarks} kernels --compare before.json", "", [("kernels", "kernels:gemm:resnet50")]),
        ($"{RunBenchmarks} kernels:gemm kernels:conv:resnet50", "",
            [("kernels:gemm", "kernels:gemm:resnet50"), ("kernels:conv:resnet50", "")]),
        ($"{RunBenchmarks} hessian", "--rounds 1", [("hessian", "hessian:trial")]),
        ($"{RunBenchmarks} threads", "--rounds 1", [("threads", "threads:trial")]),
        ($"{RunBenchmarks} steps --rounds 5 --peer ./peer.sh", "", [("steps", "steps:trial"), ("5", "1")]),
        ($"{RunBenchmarks} loader --images photos --peer tools/loader_torchvision.py", "--rounds 1", [("loader", "loader:cifar")]),
        ($"{RunBenchmarks} simulator", "", [("simulator", "simulator:s")]),
    ];

    /// <summary>What does not run here, and why.</summary>
    static readonly (string Command, string Reason)[] resting =
    [
        (RunCli, "what perturbed-forgetting stands for in the others"),
        ($"{RunBenchmarks} comm", "moves gigabytes between processes; MpiProgramTests starts such ones"),
        ($"{Cli} train --data-dir cifar10/plain_text --val-split test -m resnet20 --img-size 32 --crop-padding 4",
            "needs the download of the line before it; ParquetDatasetTests opens such folders"),
        ($"{Cli} sweep --vary rho=0.05,0.1,0.2 --vary seed=1..3 --experiment rho --dataset builtin/shapes", Grid),
        ($"{Cli} sweep --vary preset=rn8sh_vanilla,rn8sh_sam_max,rn8sh_sam_obf --vary seed=1..3 --experiment shapes", Grid),
        ($"{Cli} sweep --vary obf-gamma=0,0.5,1 --experiment gamma --config args.json --devices cuda:0,cuda:1", Grid),
        ($"{Cli} report output/train --baseline vanilla --at best --out report", "needs runs of such a name; ReportTests runs it"),
        ($"{Cli} presets list sam_obf", "PresetsCommandTests runs it"),
        ($"{Cli} presets show rn50_sam_obf", "PresetsCommandTests runs it"),
        ($"{Cli} presets run rn50_sam_obf --data-dir ~/tensorflow_datasets", ImageNet),
        ($"{Cli} presets validate rn50_sam_obf --data-dir ~/tensorflow_datasets", ImageNet),
        ("dotnet test", "these tests"),
        ("dotnet test -c Release", "these tests"),
        ("dotnet test -c Release --filter FullyQualifiedName~Attention", "these tests"),
        ("dotnet pwsh build.ps1 build|test|format|kernels|run", BuildScript),
        ("dotnet pwsh build.ps1 kernels", BuildScript),
        ("dotnet pwsh build.ps1 test --filter Name~Silu", BuildScript),
        ("dotnet pwsh build.ps1 test --filter Name~LayerScale", BuildScript),
        ("dotnet tool restore", "asks the package registry"),
        ("dotnet format", "changes the sources; CI verifies that it would not"),
        ("dotnet publish -c Release src/PerturbedForgetting.Cli", "takes half a minute; the project is looked for"),
        ("dotnet run -c Release --project tools/LibraryExample", "CI runs it"),
        ("dotnet run --project tools/Fuzz -c Release", "CI runs it"),
        ("dotnet run --project tools/Fuzz -c Release -- --count 100000 --seed 7", "the same at ten times the size"),
        ("dotnet run --project tools/Fuzz -c Release -- --format containers --total 200000", "CI runs a tenth of it"),
        ("dotnet run --project tools/Fuzz -c Release -- --format tiff --first 4711 --count 1", "one mutant of those that CI makes"),
        ("bash .ci/run", "runs these tests"),
        ("cmake --build build/kernels --target kernels_sm_90", "needs clang 19, with which CI compiles the kernels"),
        ("pip install nvidia-cublas-cu12 nvidia-cudnn-cu12", "downloads libraries for a card"),
        ("tools/on-device.sh pack", "publishes for minutes"),
        ("tar xzf on-device-linux-x64.tar.gz", "what the command before leaves"),
        ("./on-device.sh run --minutes 10", "a card's; ChecklistTests rehearses it"),
        ("./on-device.sh summary FOLDER", "of what the command before leaves"),
        ("tools/on-device.sh run --device sim --minutes 5", "ChecklistTests runs it"),
        ("tools/nvidia-check.sh", "downloads NVIDIA's tools; what it does with them has tests of its own"),
        ("tools/nvidia-check.sh --update", "writes the committed table"),
        ("nsys profile --trace=cuda,nvtx", Nsight),
        ("tools/profile-nsight.sh timeline", Nsight),
        ("tools/profile-nsight.sh timeline --data-dir imagenet -m resnet50 --opt sam_sgdw --sharpness-m 64", Nsight),
        ("tools/profile-nsight.sh kernels gelu", Nsight),
        ("tools/profile-nsight.sh kernels layer_norm", Nsight),
        ("tools/profile-nsight.sh step '^layer_norm|^gelu'", Nsight),
    ];

    const string Grid = "many runs; SweepCommandTests runs such";

    const string ImageNet = "ImageNet; PresetsCommandTests runs it with a stand-in for the work";

    const string BuildScript = "the script calls what is tested here; its targets are looked for", Nsight = "Nsight and a card";

    [Test]
    public void EveryCommandIsInOneOfTheTables()
    {
        string[] known = [.. running.Select(r => r.Command), .. resting.Select(r => r.Command)];
        Assert.That(known, Is.Unique);
        Assert.That(DocumentedCommands.All.Select(c => c.Command), Is.EquivalentTo(known),
            "a command is missing in a table of this test, or no document shows it any more");
    }

    [Test]
    public void TheyRun()
    {
        using TempFolder sandbox = new();
        Furnish(sandbox);
        foreach (var (command, added, changes) in running)
        {
            string line = command;
            foreach (var (old, changed) in changes)
                line = Replace(line, old, changed);
            string[] words = [.. DocumentedCommands.Words($"{line} {added}")];
            ProcessStartInfo start = new(SourceTree.Dotnet, [Program(words, out int used), .. words.Skip(used)])
            {
                WorkingDirectory = sandbox.Path,
            };
            // Profiles would not pay in runs this short.
            start.Environment["DOTNET_TieredPGO"] = "0";
            var clock = Stopwatch.StartNew();
            var (exitCode, output) = ChildProcess.Run(start, patience);
            Assert.That(exitCode, Is.Zero, $"{line} {added}\n{output}");
            Assert.That(output, Does.Not.Contain("there is no option").And.Not.Contain("   at "), line);
            TestContext.Out.WriteLine($"{clock.Elapsed.TotalSeconds:0.0} s  {line} {added}");
        }
    }

    /// <summary>What does not run is at least of files and targets that there are.</summary>
    [Test]
    public void WhatTheOthersNameIsThere()
    {
        foreach (var (command, reason) in resting)
        {
            string[] words = DocumentedCommands.Words(command);
            foreach (string file in words.Where(w => w.StartsWith("tools/", StringComparison.Ordinal)
                || w.StartsWith("src/", StringComparison.Ordinal) || w is ".ci/run" or "build.ps1"))
                Assert.That(Path.Exists(Path.Combine(SourceTree.Root, file)), $"{command}: there is no {file}");
            if (reason is BuildScript or Nsight && Script(words) is { } script)
                foreach (string target in script.Targets)
                    Assert.That(script.Text, Does.Match($@"(?m)^\s*'?{target}'?(\)| \{{)"), $"{command}: there is no target {target}");
        }
        foreach (string script in (string[])["tools/nvidia-check.sh", "tools/on-device.sh", "tools/profile-nsight.sh", ".ci/run"])
        {
            ProcessStartInfo parse = new("bash", ["-n", Path.Combine(SourceTree.Root, script)]);
            Assert.That(OperatingSystem.IsWindows() || ChildProcess.Run(parse, patience).ExitCode == 0, script);
        }
    }

    /// <summary>The script of a command, and the targets that are named behind it.</summary>
    static (string Text, string[] Targets)? Script(string[] words)
    {
        int at = Array.FindIndex(words, w => w == "build.ps1" || w.EndsWith(".sh", StringComparison.Ordinal));
        return at < 0 || at + 1 == words.Length ? null
            : (File.ReadAllText(Path.Combine(SourceTree.Root, words[at])), words[at + 1].Split('|'));
    }

    /// <summary>The program of a command, as it lies beside the tests, and how many words name it.</summary>
    static string Program(string[] words, out int used)
    {
        used = words[0] == Cli ? 1 : Array.IndexOf(words, "--") + 1;
        string project = words[0] == Cli ? "src/PerturbedForgetting.Cli" : words[Array.IndexOf(words, "--project") + 1];
        string name = project == "src/PerturbedForgetting.Cli" ? Cli : Path.GetFileName(project);
        Assert.That(Directory.Exists(Path.Combine(SourceTree.Root, project)), project);
        return Path.Combine(AppContext.BaseDirectory, $"{name}.dll");
    }

    /// <summary>Replaces whole words.</summary>
    static string Replace(string line, string old, string changed)
    {
        int at = $"{line} ".IndexOf($" {old} ", StringComparison.Ordinal);
        Assert.That(at, Is.GreaterThan(0), $"'{old}' in {line}");
        return $"{line[..at]} {changed}{line[(at + 1 + old.Length)..]}";
    }

    /// <summary>The files that the documents speak of.</summary>
    static void Furnish(TempFolder sandbox)
    {
        foreach (string set in (string[])["data", "cifar10"])
            foreach (string split in (string[])["train", "test"])
                foreach (string name in (string[])["cat", "dog"])
                    for (int i = 0; i < 4; i++)
                        Write(sandbox[$"{set}/{split}/{name}/{i}.jpg"], TestImages.Jpeg(32, 32));
        Write(sandbox["photos/1.jpg"], TestImages.Jpeg(300, 260));
        WriteScript(sandbox["peer.sh"], "echo 'peer: 0.5 s/step, peak 100 MiB'");
        WriteScript(sandbox["tools/loader_torchvision.py"], "echo 'peer: 100 images/s'");

        static void Write(string path, byte[] bytes)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
        }

        static void WriteScript(string path, string command)
        {
            Write(path, System.Text.Encoding.ASCII.GetBytes($"#!/bin/sh\n{command}\n"));
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
        }
    }
}
