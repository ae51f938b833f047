using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace PerturbedForgetting.Tests.Cli;

/// <summary>The program in a real terminal, whose width changes while it trains. <see cref="LiveProgressViewTests"/> looks at every step of
/// the same on a screen of its own, also where there is no tmux.</summary>
[Platform(Exclude = "Win"), NonParallelizable]
sealed partial class TmuxTests : TempFolderFixture
{
    const int Epochs = 8;
    static readonly TimeSpan patience = TimeSpan.FromSeconds(20), limit = TimeSpan.FromSeconds(90);

    string socket = "";

    [SetUp]
    public void RequireTmux()
    {
        if (!Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(path => File.Exists(Path.Combine(path, "tmux"))))
            Assert.Ignore("tmux is not installed; LiveProgressViewTests look at the same on a screen of their own.");
        socket = folder["tmux"];
    }

    [TearDown]
    public void End()
    {
        if (File.Exists(socket))
            Tmux("kill-server");
    }

    [TestCase("", 40), TestCase("NO_COLOR=1", 100), TestCase("", 200, 40, 100, 60, 80)]
    public void LinesAboveTheBarStayWhole(string environment, params int[] widths)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "perturbed-forgetting.dll");
        // The pane stays when the program ends.
        string command = $"cd '{folder.Path}' && env -u NO_COLOR {environment} LANG=C.UTF-8 '{SourceTree.Dotnet}' '{program}' train "
            + $"--dataset builtin/shapes:train=64,val=32,size=16 --img-size 16 -b 8 -j 0 --threads 1 --opt sam_sgdw --epochs {Epochs} "
            + "; echo END; sleep 600";
        Tmux("new-session", "-d", "-x", Text(widths[0]), "-y", "30", command);
        var clock = Stopwatch.StartNew();
        bool sawBar = false;
        int looks = 0;
        string[] lines = Lines();
        for (; !lines.Contains("END"); lines = Lines())
        {
            Assert.That(clock.Elapsed, Is.LessThan(limit), string.Join('\n', lines));
            string[] done = [.. lines.Where(l => l.StartsWith("epoch ", StringComparison.Ordinal) && l.Contains(" done "))];
            Assert.That(done, Has.All.Matches(Done()));
            sawBar |= lines.Any(l => Bar().IsMatch(l));
            if (++looks % 3 == 0)
                Tmux("resize-window", "-x", Text(widths[looks / 3 % widths.Length]), "-y", "30");
            Thread.Sleep(100);
        }
        Assert.That(lines.Where(l => l.StartsWith("epoch ", StringComparison.Ordinal)).Select(l => Done().Match(l).Groups[1].Value),
            Is.EqualTo(Enumerable.Range(1, Epochs).Select(Text)), string.Join('\n', lines));
        Assert.That(lines.Where(l => Bar().IsMatch(l)), Is.Empty, "the bar is gone");
        Assert.That(lines.SkipWhile(l => !l.StartsWith("Results: ", StringComparison.Ordinal)).Last(l => l.Length > 0 && l != "END"),
            Does.StartWith("Results: ").And.EndsWith("results.json"), "nothing follows what was measured");
        Assert.That(sawBar, "a bar was seen");
    }

    /// <summary>What the pane holds with its history, lines that it broke put together again.</summary>
    string[] Lines() => [.. Tmux("capture-pane", "-p", "-J", "-S", "-").Split('\n').Select(l => l.TrimEnd())];

    string Tmux(params string[] arguments)
    {
        // Without a configuration of the person's own.
        ProcessStartInfo start = new("tmux", ["-u", "-f", "/dev/null", "-S", socket, .. arguments]);
        (int exitCode, string output) = ChildProcess.Run(start, patience);
        Assert.That(exitCode, Is.Zero, output);
        return output;
    }

    static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^epoch (\d)/8 done in \d+s: loss \S+, perturb loss \S+, validation loss \S+, top-1 \S+ %, top-5 \S+ %, \d+ img/s"
        + "(, best so far)?$")]
    private static partial Regex Done();

    [GeneratedRegex("[━#]{4}")]
    private static partial Regex Bar();
}
