using System.Globalization;
using System.Text;
using System.Text.Json;
using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>The results about a Hessian as text: for people, as JSON, as CSV.</summary>
static class HessianReportText
{
    /// <summary>In a format.</summary>
    public static string Write(HessianReport report, HessianFormat format) => format switch
    {
        HessianFormat.Json => Json(report),
        HessianFormat.Csv => Csv(report),
        _ => Table(report),
    };

    /// <summary>For people.</summary>
    public static string Table(HessianReport report)
    {
        var text = new StringBuilder();
        var subject = report.Subject;
        Line($"Hessian of {subject.Model}, {subject.Parameters} parameters: {subject.Loss} ",
            $"over {subject.Images} images of {subject.Data}");
        if (report.Loss is { } loss)
            Line($"loss {loss:G7}, norm of its gradient {report.GradientNorm:G6}");
        if (report.Eigenvalues is { } eigenvalues)
        {
            Line($"eigenvalues ({Name(eigenvalues.Wanted)}; {Name(eigenvalues.Method)}, {eigenvalues.Search.Iterations} passes)");
            Line($"{"",6}{"eigenvalue",14}{"residual",12}");
            for (int i = 0; i < eigenvalues.Search.Estimates.Count; i++)
            {
                var (value, residual, hasConverged) = eigenvalues.Search.Estimates[i];
                Line($"{i + 1,6}{value,14:G7}{residual,12:G3}{(hasConverged ? "" : "  not converged")}");
            }
        }
        if (report.Trace is { } trace)
        {
            Line($"trace {trace.Trace.Value:G6} ± {trace.Trace.StandardError:G3} (standard error, {trace.Trace.Samples} random vectors), ",
                $"mean eigenvalue {trace.Trace.Value / subject.Parameters:G4}");
            Line($"Frobenius norm {Math.Sqrt(trace.SquaredFrobenius.Value):G4}");
        }
        if (report.Density is { } density)
        {
            Line($"density: from {density.Rules.Min(static r => r.Nodes[0]):G5} to {density.Rules.Max(static r => r.Nodes[^1]):G5}, ",
                $"mean {density.Mean.Value:G4}, below {-density.Density.Width:G2}: {100 * density.Negative.Value:G3} % ",
                $"({density.Rules.Count} random vectors)");
        }
        if (report.Sharpness.Count > 0)
        {
            Line($"sharpness: increase of the loss at a distance rho along the gradient (curvature there {report.GradientCurvature:G5})");
            Line($"{"rho",10}{"m",8}{"groups",8}{"increase",14}{"2nd order",14}");
            foreach (var s in report.Sharpness)
                Line($"{s.Rho,10:G4}{(s.M == 0 ? "all" : $"{s.M}"),8}{s.Groups,8}{s.Increase,14:G6}{s.Predicted,14:G6}");
        }
        if (!report.IsComplete)
            Line($"ended early: not all that was asked for is here");
        return text.ToString();

        void Line(params FormattableString[] parts)
        {
            foreach (FormattableString part in parts)
                text.Append(part.ToString(CultureInfo.InvariantCulture));
            while (text[^1] == ' ')
                text.Length--;
            text.Append('\n');
        }
    }

    /// <summary>All numbers, one a row, with its error where it has one.</summary>
    public static string Csv(HessianReport report)
    {
        var text = new StringBuilder("quantity,index,value,error,converged\n");
        if (report.Loss is { } loss)
        {
            Row("loss", null, loss, null);
            Row("gradient_norm", null, report.GradientNorm!.Value, null);
        }
        foreach (var (i, e) in (report.Eigenvalues?.Search.Estimates ?? []).Index())
            Row("eigenvalue", i, e.Value, e.Residual, e.HasConverged);
        if (report.Trace is { } trace)
        {
            Row("trace", null, trace.Trace.Value, trace.Trace.StandardError);
            Row("squared_frobenius_norm", null, trace.SquaredFrobenius.Value, trace.SquaredFrobenius.StandardError);
        }
        if (report.Density is { } density)
        {
            Row("mean_eigenvalue", null, density.Mean.Value, density.Mean.StandardError);
            Row("share_negative", null, density.Negative.Value, density.Negative.StandardError);
        }
        if (report.GradientCurvature is { } curvature)
            Row("gradient_curvature", null, curvature, null);
        foreach (var s in report.Sharpness)
            Row(FormattableString.Invariant($"sharpness_rho{s.Rho}_{(s.M == 0 ? "all" : $"m{s.M}")}"), null, s.Increase, null);
        return text.ToString();

        void Row(string quantity, int? index, double value, double? error, bool? hasConverged = null) =>
            text.Append(CultureInfo.InvariantCulture, $"{quantity},{index},{value:R},")
                .Append(error is { } e && double.IsFinite(e) ? e.ToString("R", CultureInfo.InvariantCulture) : "")
                .Append(hasConverged switch { true => ",true\n", false => ",false\n", null => ",\n" });
    }

    /// <summary>All there is. Numbers that are not finite are null.</summary>
    public static string Json(HessianReport report)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            WriteSubject(json, report);
            if (report.Eigenvalues is { } eigenvalues)
                WriteEigenvalues(json, eigenvalues);
            if (report.Trace is { } trace)
                WriteTrace(json, trace);
            if (report.Density is { } density)
                WriteDensity(json, density);
            if (report.Sharpness.Count > 0)
                WriteSharpness(json, report);
            json.WriteNumber("passes", report.Cost.Passes);
            json.WriteNumber("products", report.Cost.Products);
            json.WriteNumber("seconds", Math.Round(report.Seconds, 2));
            json.WriteBoolean("complete", report.IsComplete);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n";
    }

    static void WriteSubject(Utf8JsonWriter json, HessianReport report)
    {
        var subject = report.Subject;
        json.WriteString("model", subject.Model);
        json.WriteString("checkpoint", subject.Checkpoint);
        json.WriteString("data", subject.Data);
        json.WriteNumber("images", subject.Images);
        json.WriteString("loss_function", subject.Loss);
        json.WriteNumber("parameters", subject.Parameters);
        json.WriteString("device", subject.Device);
        json.WriteNumber("seed", subject.Seed);
        if (report.Loss is null)
            return;
        Number(json, "loss", report.Loss.Value);
        Number(json, "gradient_norm", report.GradientNorm!.Value);
    }

    static void WriteEigenvalues(Utf8JsonWriter json, EigenvalueResult eigenvalues)
    {
        json.WriteStartObject("eigenvalues");
        json.WriteString("method", Name(eigenvalues.Method));
        json.WriteString("which", Name(eigenvalues.Wanted));
        json.WriteNumber("passes", eigenvalues.Search.Iterations);
        json.WriteBoolean("converged", eigenvalues.Search.IsComplete);
        json.WriteStartArray("values");
        foreach (var (value, residual, hasConverged) in eigenvalues.Search.Estimates)
        {
            json.WriteStartObject();
            Number(json, "value", value);
            Number(json, "residual", residual);
            json.WriteBoolean("converged", hasConverged);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (eigenvalues.BeforeLast is { } before)
            Number(json, "pyhessian", before);
        json.WriteEndObject();
    }

    static void WriteTrace(Utf8JsonWriter json, TraceResult trace)
    {
        json.WriteStartObject("trace");
        Estimate(json, trace.Trace);
        json.WriteStartObject("squared_frobenius_norm");
        Estimate(json, trace.SquaredFrobenius);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteDensity(Utf8JsonWriter json, DensityResult density)
    {
        json.WriteStartObject("density");
        json.WriteNumber("vectors", density.Rules.Count);
        json.WriteNumber("steps", density.Rules.Max(static r => r.Nodes.Length));
        Number(json, "width", density.Density.Width);
        Number(json, "lowest", density.Rules.Min(static r => r.Nodes[0]));
        Number(json, "highest", density.Rules.Max(static r => r.Nodes[^1]));
        json.WriteStartObject("mean_eigenvalue");
        Estimate(json, density.Mean);
        json.WriteEndObject();
        json.WriteStartObject("share_negative");
        Estimate(json, density.Negative);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteSharpness(Utf8JsonWriter json, HessianReport report)
    {
        if (report.GradientCurvature is { } curvature)
            Number(json, "gradient_curvature", curvature);
        json.WriteStartArray("sharpness");
        foreach (var s in report.Sharpness)
        {
            json.WriteStartObject();
            json.WriteNumber("rho", s.Rho);
            if (s.M == 0)
                json.WriteNull("m");
            else
                json.WriteNumber("m", s.M);
            json.WriteNumber("groups", s.Groups);
            Number(json, "increase", s.Increase);
            if (s.Predicted is { } predicted)
                Number(json, "second_order", predicted);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    static void Estimate(Utf8JsonWriter json, MeanEstimate estimate)
    {
        Number(json, "value", estimate.Value);
        Number(json, "standard_error", estimate.StandardError);
        json.WriteNumber("vectors", estimate.Samples);
    }

    static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }

    static string Name(EigenvalueMethod method) => method == EigenvalueMethod.Power ? "power" : "lanczos";

    static string Name(EigenvaluesWanted wanted) => wanted switch
    {
        EigenvaluesWanted.Largest => "largest",
        EigenvaluesWanted.Smallest => "smallest",
        EigenvaluesWanted.Both => "both",
        _ => "magnitude",
    };
}
