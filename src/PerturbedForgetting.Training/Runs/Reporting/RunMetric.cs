using System.Globalization;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>A number that every run has, or some.</summary>
/// <param name="Title">Heading of its column.</param>
/// <param name="Format">How it is written.</param>
/// <param name="Value">Of a run; null where it has none.</param>
public sealed record RunMetric(string Title, string Format, Func<RunRecord, double?> Value)
{
    const string Percent = "F2", Loss = "G4";

    /// <summary>The numbers of an epoch.</summary>
    /// <param name="epoch">Which one.</param>
    public static IEnumerable<RunMetric> OfEpoch(Func<RunRecord, EpochRecord?> epoch) =>
    [
        new("top-1", Percent, run => epoch(run)?.Validation.Top1),
        new("top-5", Percent, run => epoch(run)?.Validation.Top5),
        new("validation loss", Loss, run => epoch(run)?.Validation.Loss),
        new("training loss", Loss, run => epoch(run)?.Train.MeanLoss),
    ];

    /// <summary>What was measured later: the accuracy on each set that one of the runs was measured on, and the dominant eigenvalue.
    /// </summary>
    public static IEnumerable<RunMetric> OfEvaluations(IEnumerable<RunRecord> runs) =>
        runs.SelectMany(run => Evaluations.Names(run.Folder)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(name => name == Evaluations.Hessian
                ? OfEvaluation("dominant eigenvalue", Loss, name, DominantEigenvalue.Key)
                : OfEvaluation($"{name} top-1", Percent, name, "top1"));

    static RunMetric OfEvaluation(string title, string format, string name, string member) => new(title, format,
        run => Evaluations.Number(Evaluations.PathOf(run.Folder, name), member, isOptional: true));

    /// <summary>A number of a JSON file in the run's folder.</summary>
    /// <param name="title">Heading.</param>
    /// <param name="file">Name of the file below the folder.</param>
    /// <param name="path">Members and indices on the way to the number, with dots between them.</param>
    public static RunMetric OfFile(string title, string file, string path) =>
        new(title, Loss, run => Evaluations.Number(Path.Combine(run.Folder, file), path, isOptional: false));

    /// <summary>The text of a value.</summary>
    public string Write(double value) => double.IsFinite(value) ? value.ToString(Format, CultureInfo.InvariantCulture) : "–";
}
