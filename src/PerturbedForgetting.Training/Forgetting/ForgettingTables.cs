using System.Globalization;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Answers;

namespace PerturbedForgetting.Training.Forgetting;

/// <summary>The study as comma-separated values: a number that is not defined is an empty field.</summary>
static class ForgettingTables
{
    static readonly string[] caseColumns = ["perturbation", "rho", "m", "gamma", "C", .. PerturbationForm.Columns];

    static string CaseColumns => string.Join(',', caseColumns);

    /// <summary>Writes a row a model, perturbation and set of images: each measure before and after, the mean of its change and the
    /// standard deviation over the perturbations.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void WriteMeasures(string path, IReadOnlyList<StudiedModel> models)
    {
        var text = new StringBuilder($"run,checkpoint,epoch,{CaseColumns},set,images,perturbations,norm,relative_norm");
        foreach (var measure in Measure.OfOutputs)
            foreach (string suffix in (string[])["before", "after", "change", "sd"])
                text.Append(CultureInfo.InvariantCulture, $",{measure.Name}_{suffix}");
        foreach (var measure in Measure.OfChanges)
            text.Append(CultureInfo.InvariantCulture, $",{measure.Name},{measure.Name}_sd");
        text.Append('\n');
        foreach (var model in models)
            foreach (var (perturbation, cell) in model.Cells)
                foreach (string set in ImageSets.All)
                    AppendMeasures(text, model, perturbation, cell, set);
        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Writes a row a model: how it generalises, and the top eigenvalue.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void WriteCheckpoints(string path, IReadOnlyList<StudiedModel> models)
    {
        var text = new StringBuilder("run,checkpoint,epoch,path");
        foreach (var (name, _) in Correlations.Generalisation)
            text.Append(',').Append(name);
        text.Append(CultureInfo.InvariantCulture, $",{Correlations.TopEigenvalue},residual\n");
        foreach (var model in models)
        {
            text.Append(Model(model)).Append(',').Append(CsvText.Field(model.Path));
            foreach (var (_, of) in Correlations.Generalisation)
                text.Append(',').Append(Number(of(model)));
            text.Append(',').Append(Number(model.TopEigenvalue?.Value ?? double.NaN));
            text.Append(',').Append(Number(model.TopEigenvalue?.Residual ?? double.NaN)).Append('\n');
        }
        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Writes a row a model, perturbation, set of images and class: the class's share of labels, of mean outputs and of
    /// predictions, and its accuracy.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void WriteClasses(string path, IReadOnlyList<StudiedModel> models)
    {
        var text = new StringBuilder($"run,checkpoint,epoch,{CaseColumns},set,class,index,label_share,mean_before,mean_after,"
            + "predicted_before,predicted_after,accuracy_before,accuracy_after\n");
        foreach (var model in models)
            foreach (var (perturbation, cell) in model.Cells)
                foreach (string set in ImageSets.All)
                    AppendClasses(text, model, perturbation, cell.On(set), set);
        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Writes a row a correlation.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void WriteCorrelations(string path, IReadOnlyList<Correlation> correlations)
    {
        var text = new StringBuilder($"{CaseColumns},set,measure,generalisation,runs,spearman,low,high,p,kendall,kendall_p\n");
        foreach (var c in correlations)
        {
            text.Append(c.Case is null ? new string(',', caseColumns.Length - 1) : Case(c.Case)).Append(CultureInfo.InvariantCulture,
                $",{c.Set},{c.Measure},{c.Generalisation},{c.Test.Pairs}");
            foreach (double value in (ReadOnlySpan<double>)[c.Test.Spearman, c.Test.Interval?.Low ?? double.NaN,
                c.Test.Interval?.High ?? double.NaN, c.Test.SpearmanP, c.Test.Kendall, c.Test.KendallP])
                text.Append(',').Append(Number(value));
            text.Append('\n');
        }
        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Name of a class, or its number where a model has more classes than names.</summary>
    internal static string ClassName(StudiedModel model, int index) =>
        index < model.Classes.Count ? model.Classes[index] : index.ToString(CultureInfo.InvariantCulture);

    /// <summary>Standard deviation of a sample (divisor n - 1); NaN of one value.</summary>
    internal static double Deviation(double[] values)
    {
        double mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
    }

    static void AppendMeasures(StringBuilder text, StudiedModel model, PerturbationCase perturbation, CellResult cell, string set)
    {
        var result = cell.On(set);
        text.Append(Model(model)).Append(',').Append(Case(perturbation)).Append(CultureInfo.InvariantCulture,
            $",{set},{result.Images},{cell.Norms.Length},");
        double norm = cell.Norms.Average();
        text.Append(Number(norm)).Append(',').Append(Number(norm / cell.WeightNorm));
        for (int m = 0; m < Measure.OfOutputs.Count; m++)
        {
            double[] differences = result.Differences(m);
            text.Append(',').Append(Number(result.MeanBefore(m))).Append(',').Append(Number(result.MeanAfter(m)))
                .Append(',').Append(Number(differences.Average())).Append(',').Append(Number(Deviation(differences)));
        }
        for (int m = 0; m < Measure.OfChanges.Count; m++)
        {
            double[] values = [.. result.Change.Select(v => v[m])];
            text.Append(',').Append(Number(values.Average())).Append(',').Append(Number(Deviation(values)));
        }
        text.Append('\n');
    }

    static void AppendClasses(StringBuilder text, StudiedModel model, PerturbationCase perturbation, SetResult result, string set)
    {
        if (result is not { LabelShares: { } shares, ClassesBefore: { } before, ClassesAfter: { } after })
            return;
        string start = $"{Model(model)},{Case(perturbation)},{set}";
        for (int k = 0; k < shares.Length; k++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{start},{CsvText.Field(ClassName(model, k))},{k}");
            foreach (double value in (ReadOnlySpan<double>)[shares[k], before.Mean[k], after.Mean[k], before.Predicted[k],
                after.Predicted[k], before.Accuracy[k], after.Accuracy[k]])
                text.Append(',').Append(Number(value));
            text.Append('\n');
        }
    }

    static string Model(StudiedModel model) => string.Create(CultureInfo.InvariantCulture,
        $"{CsvText.Field(model.Run)},{CsvText.Field(model.Checkpoint)},{model.Epoch}");

    static string Case(PerturbationCase c) => string.Create(CultureInfo.InvariantCulture,
        $"{c.KindName},{c.Rho},{c.M},{c.Gamma},{c.C},{string.Join(',', c.Form.Fields)}");

    static string Number(double value) => double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : "";
}
