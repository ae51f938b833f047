using PerturbedForgetting.Training.Statistics;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>How a measure goes together with generalisation over several runs.</summary>
/// <param name="Case">The perturbation; null for what hangs on none.</param>
/// <param name="Set">The images that were measured; empty likewise.</param>
/// <param name="Measure">What was measured: of outputs its change.</param>
/// <param name="Generalisation">What it is compared with.</param>
/// <param name="Test">The correlation.</param>
sealed record Correlation(PerturbationCase? Case, string Set, string Measure, string Generalisation, RankTestResult Test);

/// <summary>Correlates what perturbations do with how models generalise. Every run counts once: with its checkpoint that was trained
/// longest.</summary>
static class Correlations
{
    /// <summary>Name of the Hessian's largest eigenvalue among the measures.</summary>
    public const string TopEigenvalue = "top_eigenvalue";

    /// <summary>Top-1 accuracy on the held-out images of the study.</summary>
    public const string Top1 = "held_out_top1";

    /// <summary>The measures of generalisation, by name; each NaN where a model has it not.</summary>
    public static readonly IReadOnlyList<(string Name, Func<StudiedModel, double> Of)> Generalisation =
    [
        (Top1, static m => Before(m, ImageSets.HeldOut, "top1")),
        ("held_out_loss", static m => Before(m, ImageSets.HeldOut, "loss")),
        ("gap_top1", static m => Before(m, ImageSets.Train, "top1") - Before(m, ImageSets.HeldOut, "top1")),
        ("gap_loss", static m => Before(m, ImageSets.HeldOut, "loss") - Before(m, ImageSets.Train, "loss")),
        ("recorded_top1", static m => m.Recorded?.Top1 ?? double.NaN),
    ];

    /// <summary>The model that stands for each run.</summary>
    public static IReadOnlyList<StudiedModel> OneOfEachRun(IReadOnlyList<StudiedModel> models) =>
        [.. models.GroupBy(static m => m.Run).Select(static g => g.OrderBy(static m => m.Epoch ?? int.MaxValue).Last())];

    /// <summary>All correlations that are defined; none of fewer than three runs.</summary>
    /// <param name="models">Models of the runs.</param>
    /// <param name="cases">The grid.</param>
    /// <param name="token">Ends it.</param>
    public static IReadOnlyList<Correlation> Of(IReadOnlyList<StudiedModel> models, IReadOnlyList<PerturbationCase> cases,
        CancellationToken token)
    {
        var runs = OneOfEachRun(models);
        if (runs.Count < RankTest.FewestPairs)
            return [];
        var targets = Generalisation.Select(g => (g.Name, Values: runs.Select(g.Of).ToArray())).ToArray();
        List<Correlation> all = [];
        if (runs.All(static r => r.TopEigenvalue is not null))
            Add(null, "", TopEigenvalue, [.. runs.Select(static r => r.TopEigenvalue!.Value)]);
        foreach (var perturbation in cases)
        {
            CellResult?[] cells = [.. runs.Select(r => r.Find(perturbation))];
            if (cells.Contains(null))
                continue;
            foreach (string set in ImageSets.All)
            {
                SetResult[] results = [.. cells.Select(c => c!.On(set))];
                for (int m = 0; m < Forgetting.Measure.OfOutputs.Count; m++)
                    Add(perturbation, set, Forgetting.Measure.OfOutputs[m].Name, [.. results.Select(r => r.Differences(m).Average())]);
                for (int m = 0; m < Forgetting.Measure.OfChanges.Count; m++)
                    Add(perturbation, set, Forgetting.Measure.OfChanges[m].Name, [.. results.Select(r => r.Change.Average(v => v[m]))]);
            }
        }
        return all;

        void Add(PerturbationCase? perturbation, string set, string measure, double[] values)
        {
            foreach (var (name, target) in targets)
            {
                token.ThrowIfCancellationRequested();
                var test = RankTest.Of(values, target);
                if (!double.IsNaN(test.Spearman))
                    all.Add(new(perturbation, set, measure, name, test));
            }
        }
    }

    /// <summary>A measure of outputs at the weights; it is the same in all cells.</summary>
    static double Before(StudiedModel model, string set, string measure) => model.Cells is [var (_, cell), ..]
        ? cell.On(set).MeanBefore(Forgetting.Measure.Output(measure))
        : double.NaN;
}
