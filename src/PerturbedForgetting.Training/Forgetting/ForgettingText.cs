using System.Globalization;
using System.Text;
using PerturbedForgetting.Training.Statistics;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>The results of a study for people: the measures that say most, and the correlations that are largest.</summary>
static class ForgettingText
{
    const int CorrelationsShown = 12;

    static readonly (string Title, string Measure)[] columns =
    [
        ("loss", "loss"), ("top-1", "top1"), ("confidence", "confidence"), ("KL uniform", "kl_uniform"), ("TV labels", "tv_labels"),
    ];

    /// <summary>A table a model, then the correlations.</summary>
    public static string Of(IReadOnlyList<StudiedModel> models, IReadOnlyList<Correlation> correlations)
    {
        var text = new StringBuilder();
        foreach (var model in models)
            Append(text, model);
        if (correlations.Count > 0)
            Append(text, correlations);
        return text.ToString();
    }

    static void Append(StringBuilder text, StudiedModel model)
    {
        int width = model.Cells.Select(static c => c.Case.ToString().Length).DefaultIfEmpty().Max();
        string epoch = model.Epoch is { } e ? string.Create(CultureInfo.InvariantCulture, $" (epoch {e})") : "";
        text.Append(CultureInfo.InvariantCulture, $"{model}{epoch}: before, then changes\n");
        if (model.TopEigenvalue is { } eigenvalue)
            text.Append(CultureInfo.InvariantCulture,
                $"top eigenvalue of the Hessian {eigenvalue.Value:G6}, residual {eigenvalue.Residual:G2}\n");
        text.Append(new string(' ', width + 2)).Append("images   ");
        foreach (var (title, _) in columns)
            text.Append(CultureInfo.InvariantCulture, $"{title,12}");
        text.Append("   same prediction\n");
        if (model.Cells is [var (_, first), ..])
            foreach (string set in (string[])[ImageSets.Train, ImageSets.HeldOut])
            {
                text.Append("before".PadRight(width + 2)).Append(set.PadRight(9));
                foreach (var (_, measure) in columns)
                    text.Append(CultureInfo.InvariantCulture, $"{first.On(set).MeanBefore(Measure.Output(measure)),12:G4}");
                text.Append('\n');
            }
        foreach (var (perturbation, cell) in model.Cells)
            foreach (string set in ImageSets.All)
            {
                var result = cell.On(set);
                text.Append((set == ImageSets.All[0] ? perturbation.ToString() : "").PadRight(width + 2)).Append(set.PadRight(9));
                foreach (var (_, measure) in columns)
                {
                    double change = result.Differences(Measure.Output(measure)).Average();
                    text.Append(change.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture).PadLeft(12));
                }
                text.Append(CultureInfo.InvariantCulture, $"{result.Change.Average(static v => v[Measure.Change("agreement")]),15:F2} %\n");
            }
        text.Append('\n');
    }

    static void Append(StringBuilder text, IReadOnlyList<Correlation> correlations)
    {
        int runs = correlations[0].Test.Pairs;
        var ofTop1 = correlations.Where(static c => c.Generalisation == Correlations.Top1).ToArray();
        var shown = ofTop1.Where(static c => c.Measure == Correlations.TopEigenvalue)
            .Concat(ofTop1.Where(static c => c.Measure != Correlations.TopEigenvalue)
                .OrderByDescending(static c => Math.Abs(c.Test.Spearman)).Take(CorrelationsShown)).ToArray();
        text.Append(CultureInfo.InvariantCulture, $"Rank correlation with {Correlations.Top1} over {runs} runs, ");
        text.Append(CultureInfo.InvariantCulture, $"{shown.Length} of {ofTop1.Length}, the largest first (least possible p ");
        text.Append(CultureInfo.InvariantCulture, $"{RankTest.LeastP(runs):G2}):\n");
        foreach (var c in shown)
        {
            string interval = c.Test.Interval is var (low, high) ? FormattableString.Invariant($" [{low:F2}, {high:F2}]") : "";
            string name = c.Case is null ? c.Measure : $"{c.Measure}, {c.Set}, {c.Case}";
            text.Append(CultureInfo.InvariantCulture, $"  Spearman {c.Test.Spearman,6:F3}{interval}, p {c.Test.SpearmanP:G2}; ");
            text.Append(CultureInfo.InvariantCulture, $"Kendall {c.Test.Kendall,6:F3}, p {c.Test.KendallP:G2}  {name}\n");
        }
    }
}
