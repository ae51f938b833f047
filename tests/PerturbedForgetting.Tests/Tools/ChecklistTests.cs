using System.Diagnostics;
using System.Text.Json;
using DeviceBenchmark.Checklist;
using PerturbedForgetting.Cli;

namespace PerturbedForgetting.Tests.Tools;

/// <summary>How tools/on-device.sh divides its time, what it keeps of parts that end badly, and that it goes on where it was.</summary>
[Parallelizable]
sealed class ChecklistTests
{
    TempFolder folder = null!;

    [SetUp]
    public void Make() => folder = new TempFolder();

    [TearDown]
    public void Remove() => folder.Dispose();

    static Part Of(string name, double least, double most) => new(name, least, most, _ => []);

    [Test]
    public void TimeIsSharedByWhatEachPartCouldUse()
    {
        Part[] parts = [Of("a", 10, 60), Of("b", 20, 120)];
        Assert.That(Schedule.SecondsOfNext(parts, 1000), Is.EqualTo(60), "no more than it could use");
        Assert.That(Schedule.SecondsOfNext(parts, 30), Is.EqualTo(10), "the least of both, and nothing to share");
        Assert.That(Schedule.SecondsOfNext(parts, 105), Is.EqualTo(10 + (50 * 0.5)), "half of what both could use beyond that");
        Assert.That(Schedule.SecondsOfNext(parts[1..], 105), Is.EqualTo(105), "what the part before did not use goes to the next");
    }

    [Test]
    public void ThePartsThatDoNotFitAreCutByRank()
    {
        Part[] parts = [Of("large", 50, 60), Of("second", 20, 30), Of("small", 5, 10)];
        Assert.That(Schedule.SecondsOfNext(parts, 49), Is.Zero, "the first does not fit and is cut");
        Assert.That(Schedule.SecondsOfNext(parts, 60), Is.EqualTo(50 + (5 * 10 / 15.0)), "the second is to be cut, the small one not");
        Assert.That(Schedule.SecondsOfNext(parts[2..], 4.9), Is.Zero);
    }

    [Test]
    public void AllPartsOfACardFitIntoTenMinutes()
    {
        IReadOnlyList<Part> parts = PartList.Of(ChecklistOptions.Parse(["run"]));
        Assert.That(parts.Select(p => p.Name), Is.Unique);
        Assert.That(parts.Take(2).Select(p => p.Name), Is.EqualTo(new[] { "devices", "smoke" }));
        double left = 600, used = 0;
        for (int i = 0; i < parts.Count; i++)
        {
            double seconds = Schedule.SecondsOfNext([.. parts.Skip(i)], left);
            Assert.That(seconds, Is.InRange(parts[i].Least, parts[i].Most), parts[i].Name);
            used += seconds;
            left -= seconds;
        }
        Assert.That(used, Is.InRange(300, 600), "every part takes all that it is given");
    }

    /// <summary>Every test that runs on a card belongs to one group: the names are those of the software GPU's.</summary>
    [Test]
    public void EveryFixtureOfADeviceIsInOneGroup()
    {
        string[] filters = [.. PartList.Of(ChecklistOptions.Parse(["run", "--device", "sim", "--only", "tests"]))
            .Select(p => p.Command(1)).Select(c => c[Array.IndexOf(c, "--filter") + 1])];
        string[] fixtures = [.. typeof(ChecklistTests).Assembly.GetTypes()
            .Where(t => !t.IsAbstract && t.GetCustomAttributes(typeof(TestFixtureSourceAttribute), inherit: true).Length > 0)
            .Where(t => t.GetConstructors().Any(c => c.GetParameters() is [{ ParameterType: var type, Name: "device" or "name" }, ..]
                && type == typeof(string)))
            .Select(t => $"{t.FullName}(\"sim\")")];
        Assert.That(fixtures, Has.Length.GreaterThan(40));
        foreach (string fixture in fixtures)
            Assert.That(filters.Count(f => System.Text.RegularExpressions.Regex.IsMatch(fixture, f)), Is.EqualTo(1), fixture);
    }

    /// <summary>A program that does what the parts' names say; the time is short.</summary>
    [Test, Platform(Exclude = "Win")]
    public void WhateverBecomesOfAPartIsWrittenAndTheNextOneRuns()
    {
        string program = Script("bin/OnDevice", """
            echo "$@" >> "$(dirname "$0")/calls"
            case "$*" in
                cli*devices*) sleep 60 & wait ;;
                smoke*) exit 3 ;;
                tests*multi_tensor*) printf '{"planned":3}\n{"begin":"a"}\n{"end":"a","state":"passed"}\n{"begin":"b"}\n' >> "${@: -1}"
                    kill -9 $$ ;;
                losses*) exit 1 ;;
            esac
            """);
        string[] arguments = ["run", "--device", "sim", "--program", program, "--output", folder["out"],
            "--only", "devices,smoke,tests.multi_tensor,tests.norms,losses"];
        // Little more than the least that the parts take: the one that hangs is ended after its share of that.
        ChecklistOptions options = ChecklistOptions.Parse([.. arguments, "--minutes", "1.5"]);
        var clock = Stopwatch.StartNew();
        StringWriter output = new();
        Assert.That(ChecklistRun.Run(options, output), Is.EqualTo(1));
        Assert.That(clock.Elapsed.TotalSeconds, Is.LessThan(30));
        PartState[] states = [.. ResultLog.Load(folder["out"]).Results.Select(r => r.State)];
        Assert.That(states, Is.EqualTo(new[] { PartState.Killed, PartState.Sticky, PartState.Died, PartState.Ok, PartState.Failed }));
        Assert.That(output.ToString(), Does.Match("(?m)^devices +KILLED +\\d+ s +not done after \\d s$"));
        Assert.That(output.ToString(), Does.Contain("1 passed, 0 failed, 1 not run"));
        Assert.That(output.ToString(), Does.Contain("under way when the process ended: b"));
        // Again, with no time: what came to its end stays, the others are told to be missing.
        File.Delete(folder["bin/calls"]);
        Assert.That(ChecklistRun.Run(options with { Minutes = 0.05 }, output), Is.EqualTo(1));
        Assert.That(folder["bin/calls"], Does.Not.Exist);
        PartResult[] results = [.. ResultLog.Load(folder["out"]).Results];
        Assert.That(results.Select(r => r.State),
            Is.EqualTo(new[] { PartState.Cut, PartState.Cut, PartState.Cut, PartState.Ok, PartState.Failed }));
        Assert.That(results[2].Result!.Value.GetProperty("passed").GetInt32(), Is.EqualTo(1), "what a cut part has done before is kept");
        Assert.Throws<DeviceBenchmark.UsageException>(() => ResultLog.Open(folder["out"], "cuda"));
    }

    /// <summary>The whole way, on a software GPU that is lost after some operations: the group stops there, the next one has a process of
    /// its own; the second time the rest runs.</summary>
    [Test, Platform(Exclude = "Win")]
    public void RehearsalOfASickCard()
    {
        string dotnet = SourceTree.Dotnet, beside = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        Script("bin/OnDevice", $"""
            name="$1"
            case "$name" in
                cli) shift; exec {dotnet} {beside}/perturbed-forgetting.dll "$@" ;;
                tests) shift; exec {dotnet} exec {beside}/PerturbedForgetting.Tests.dll "$@" ;;
                *) exec {dotnet} {beside}/DeviceBenchmark.dll "$@" ;;
            esac
            """);
        File.Copy(Path.Combine(SourceTree.Root, "tools", "on-device.sh"), folder["on-device.sh"]);
        var (exitCode, output) = Shell("lost-after=60,lost-code=700", "1");
        Assert.That(exitCode, Is.EqualTo(1), output);
        Assert.That(output, Does.Match(@"(?m)^smoke +STICKY ERROR"));
        Assert.That(output, Does.Match(@"(?m)^tests.loss +STICKY ERROR +\d+ s +\d+ passed, 1 failed, \d+ not run after "
            + @"CUDA_ERROR_ILLEGAL_ADDRESS \(700\)"));
        JsonElement first = Tests();
        // A sound card, for a moment: smoke does not fit, the group goes on as far as it comes.
        (exitCode, output) = Shell("", "0.25");
        Assert.That(exitCode, Is.EqualTo(0).Or.EqualTo(1), output);
        Assert.That(output, Does.Match(@"(?m)^devices +ok").And.Match(@"(?m)^smoke +cut"));
        JsonElement second = Tests();
        Assert.That(Count(second), Is.EqualTo(Count(first)));
        Assert.That(Failed(second), Is.Unique.And.SupersetOf(Failed(first)), "what took the process with it is not run again");
        Assert.That(second.GetProperty("passed").GetInt32(), Is.GreaterThan(first.GetProperty("passed").GetInt32()));

        JsonElement Tests() => ResultLog.Load(folder["out"]).Results.Single(r => r.Part == "tests.loss").Result!.Value;

        static string?[] Failed(JsonElement tests) => [.. tests.GetProperty("failed").EnumerateArray().Select(static n => n.GetString())];

        static int Count(JsonElement tests) => tests.GetProperty("passed").GetInt32() + tests.GetProperty("failed").GetArrayLength()
            + tests.GetProperty("skipped").GetInt32() + tests.GetProperty("not_run").GetInt32();
    }

    (int ExitCode, string Output) Shell(string hardware, string minutes)
    {
        ProcessStartInfo start = new("bash", [folder["on-device.sh"], "run", "--device", "sim", "--output", folder["out"],
            "--only", "devices,smoke,tests.loss", "--minutes", minutes]);
        start.Environment[SoftwareGpuOptions.Variable] = hardware;
        return ChildProcess.Run(start, TimeSpan.FromMinutes(3));
    }

    string Script(string name, string commands)
    {
        string path = folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $"#!/bin/bash\n{commands.ReplaceLineEndings("\n")}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
        return path;
    }
}
