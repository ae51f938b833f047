using System.Globalization;
using System.Text;
using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Answers;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Training.Setup;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>The files of the results about a Hessian. Each is written anew whenever there is more, so that an interruption leaves what was
/// found.</summary>
/// <param name="stem">Path without an ending.</param>
sealed class HessianFiles(string stem)
{
    /// <summary>The files that options ask for; null where they ask for none.</summary>
    public static HessianFiles? From(HessianOptions options) => options.Out is { } path
        ? new(Path.GetExtension(path).ToLowerInvariant() is ".json" or ".csv" or ".png" ? Path.ChangeExtension(path, null) : path)
        : null;

    string JsonPath => stem + ".json";

    string CsvPath => stem + ".csv";

    string DensityPath => stem + ".density.csv";

    string NodesPath => stem + ".nodes.csv";

    string PlotPath => stem + ".density.png";

    string TracePath => stem + ".trace.csv";

    /// <summary>Refuses paths at which no file can be written.</summary>
    /// <exception cref="OptionException">There is one.</exception>
    public static void Require(HessianOptions options)
    {
        OutputFile.Require(HessianOptions.EigenvectorsOption, options.Eigenvectors);
        if (options.Eigenvectors is { } path && !path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            throw new OptionException(new OptionProblem(HessianOptions.EigenvectorsOption.Flag,
                $"takes a file that ends in .safetensors, got '{path}'."));
        }
        if (options.Out is not { } given || From(options) is not { } files)
            return;
        OutputFile.Require(HessianOptions.OutOption, Path.EndsInDirectorySeparator(given) ? given : files.JsonPath);
        foreach (string file in (string[])[files.CsvPath, files.DensityPath, files.NodesPath, files.PlotPath, files.TracePath])
            OutputFile.Require(HessianOptions.OutOption, file);
    }

    /// <summary>Writes what there is.</summary>
    /// <returns>The files.</returns>
    /// <exception cref="IOException">One cannot be written.</exception>
    public IReadOnlyList<string> Write(HessianReport report)
    {
        List<string> written = [JsonPath, CsvPath];
        AtomicFile.WriteText(JsonPath, HessianReportText.Json(report));
        AtomicFile.WriteText(CsvPath, HessianReportText.Csv(report));
        if (report.Trace is { } trace)
        {
            AtomicFile.WriteText(TracePath, Traces(trace));
            written.Add(TracePath);
        }
        if (report.Density is { } density)
        {
            AtomicFile.WriteText(DensityPath, Curve(density.Density));
            AtomicFile.WriteText(NodesPath, Nodes(density.Rules));
            DensityPlot.Write(PlotPath, $"{report.Subject.Model}: eigenvalues of the Hessian", density.Density,
                [.. (report.Eigenvalues?.Search.Estimates ?? []).Select(static e => e.Value)]);
            written.AddRange([DensityPath, NodesPath, PlotPath]);
        }
        return written;
    }

    /// <summary>Writes eigenvectors: tensors <c>NUMBER.PARAMETER</c> of the parameters' shapes in PyTorch's layout, and the eigenvalues as
    /// metadata.</summary>
    /// <param name="path">The file.</param>
    /// <param name="arena">The parameters.</param>
    /// <param name="estimates">Eigenvalues.</param>
    /// <param name="vectors">Their vectors, flat.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void WriteVectors(string path, ParameterArena arena, IReadOnlyList<EigenvalueEstimate> estimates,
        IReadOnlyList<Tensor> vectors)
    {
        var writer = new SafetensorsWriter(
        [
            new("format", "pt"),
            new("eigenvalues", JsonSerializer.Serialize(estimates.Select(static e => e.Value))),
            new("residuals", JsonSerializer.Serialize(estimates.Select(static e => e.Residual))),
        ]);
        for (int i = 0; i < vectors.Count; i++)
        {
            foreach (var segment in arena.Segments)
            {
                Tensor part = ParameterArena.Slice(vectors[i], segment);
                writer.Add<float>(string.Create(CultureInfo.InvariantCulture, $"{i}.{segment.Name}"), SafetensorsDType.F32,
                    StateDict.TorchShape(new(segment.Name, segment.Parameter)), StateDict.ToTorch(part, segment.Parameter.Layout));
            }
        }
        writer.Save(path);
    }

    static string Curve(SpectralDensity density)
    {
        var text = new StringBuilder("eigenvalue,density\n");
        for (int i = 0; i < density.At.Length; i++)
            text.Append(CultureInfo.InvariantCulture, $"{density.At[i]:G9},{density.Values[i]:G9}\n");
        return text.ToString();
    }

    static string Nodes(IReadOnlyList<QuadratureRule> rules)
    {
        var text = new StringBuilder("vector,eigenvalue,weight\n");
        for (int i = 0; i < rules.Count; i++)
            foreach (var (node, weight) in rules[i].Nodes.Zip(rules[i].Weights))
                text.Append(CultureInfo.InvariantCulture, $"{i},{node:R},{weight:R}\n");
        return text.ToString();
    }

    static string Traces(TraceResult trace)
    {
        var text = new StringBuilder("parameter,count,trace,standard_error\n");
        foreach (var (parameter, count, estimate) in trace.Parameters)
        {
            text.Append(CultureInfo.InvariantCulture, $"{CsvText.Field(parameter)},{count},{estimate.Value:R},")
                .Append(double.IsFinite(estimate.StandardError) ? estimate.StandardError.ToString("R", CultureInfo.InvariantCulture) : "")
                .Append('\n');
        }
        return text.ToString();
    }
}
