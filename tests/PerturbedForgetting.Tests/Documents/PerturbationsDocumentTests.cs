using System.Globalization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Documents;

/// <summary><c>docs/perturbations.md</c> names every direction and every option of a perturbation.</summary>
[TestFixture]
sealed class PerturbationsDocumentTests
{
    static string Page => SourceTree.Page("perturbations.md");

    [Test]
    public void TheTableIsThatOfTheDirections()
    {
        string[] rows = [.. Page.Split('\n').SkipWhile(static l => !l.StartsWith("| `--sam-direction`", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(static l => l.StartsWith('|'))];
        Assert.That(rows.Select(static r => string.Join(" | ", r.Split('|')[3..6].Select(static c => c.Trim()))),
            Is.EqualTo(DirectionTable.Rows.Select(static r =>
                string.Create(CultureInfo.InvariantCulture, $"{r.Passes} | {r.Buffers} | {r.Source}"))));
        Assert.That(rows.Select(static r => r.Split('`')[1]).Where(static n => n != "randsam_*"),
            Is.EqualTo(TrainOptions.SamDirectionOption.Choices));
    }

    [Test]
    public void EveryOptionIsNamed()
    {
        // The schedule of the radius and the numbers of the loss are not the directions' own.
        string[] elsewhere = ["--rho-policy", "--min-rho", "--obf-gamma", "--backup-normalized"];
        Assert.That(TrainOptions.PerturbationTopic.Specs.Select(static s => s.Flag).Except(elsewhere).Where(static f => !Page.Contains(f)),
            Is.Empty);
    }
}
