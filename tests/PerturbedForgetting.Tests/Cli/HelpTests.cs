using System.Text.RegularExpressions;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Tests.Cli;

[TestFixture]
sealed class HelpTests
{
    [Test]
    public void TheHelpOfACommandListsEveryOptionOnceWithItsDefault()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("train", "--help"), Is.Zero);
        string[] lines = cli.Output.Split('\n');
        foreach (OptionSpec spec in OptionTables.Train.Specs)
        {
            Assert.That(lines.Count(l => (l + " ").Contains($" {spec.Flag} ")), Is.GreaterThanOrEqualTo(1), spec.Flag);
            if (spec.Alias is { } alias)
                Assert.That(lines.Count(l => l.TrimStart().StartsWith($"{alias}, {spec.Flag} ")), Is.EqualTo(1), alias);
        }
        foreach (string group in OptionTables.Train.Specs.Select(s => s.Group).Distinct())
            Assert.That(lines, Does.Contain(group));
        Assert.That(cli.Output, Does.Contain("[2e-05]").And.Contain("Examples").And.Contain("--config"));
    }

    [TestCase(40), TestCase(60), TestCase(80), TestCase(100), TestCase(160)]
    public void HelpIsAsWideAsTheTerminal(int width)
    {
        CliHarness cli = new() { Width = width };
        cli.Run("train", "--help");
        string[] lines = [.. Regex.Split(cli.Output, "(?m)^Examples$")[0].Split('\n').Select(l => l.TrimEnd())];
        // A list of choices without a space cannot be broken.
        string[] wide = [.. lines.Where(l => l.Length > width && l.Trim().Contains(' '))];
        Assert.That(wide.Where(l => l.TrimStart().Split(' ').Max(w => w.Length) < width - 10), Is.Empty);
        Assert.That(lines.Max(l => l.Length), Is.GreaterThan(width - 12), "all of it is used");
        Assert.That(cli.Output.Split('\n')[^3..], Has.All.Length.LessThanOrEqualTo(width));
    }

    [TestCase("--help")]
    [TestCase("-h")]
    public void TheProgramListsItsCommands(string flag)
    {
        CliHarness cli = new();
        Assert.That(cli.Run(flag), Is.Zero);
        foreach (string command in new[] { "train", "validate", "data check", "models", "devices", "kernels profile" })
            Assert.That(cli.Output, Does.Contain($"  {command} "));
    }

    [Test]
    public void TheExamplesOfTheHelpAreValidCommandLines()
    {
        CliHarness help = new();
        help.Run("train", "--help");
        help.Run("validate", "--help");
        help.Run("data", "check", "--help");
        string[] examples = help.Output.Split('\n').Select(l => l.Trim())
            .Where(l => l.StartsWith("perturbed-forgetting ", StringComparison.Ordinal)).ToArray();
        Assert.That(examples, Has.Length.GreaterThan(6));
        foreach (string example in examples)
        {
            string[] words = example.Split(' ')[1..];
            // The file of this one exists only after a run.
            if (words.Contains("--config"))
                continue;
            CliHarness cli = new();
            cli.Run(words);
            Assert.That(cli.Error, Is.Empty, example);
            Assert.That(cli.Output, Does.Not.Contain("warning"), example);
        }
    }

    [Test]
    public void TheVersionIsShown()
    {
        CliHarness cli = new();
        Assert.That(cli.Run("--version"), Is.Zero);
        Assert.That(cli.Output.Trim(), Does.Match(@"^\d+\.\d+\.\d+$"));
    }
}
