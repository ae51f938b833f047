using System.Globalization;
using System.Text.Json;
using PerturbedForgetting.Training.Reports;

namespace PerturbedForgetting.Training.Runs;

/// <summary>
/// Reads the epochs of a run back from <c>results.json</c>, and from <c>summary.csv</c> what only that has: learning rate, radius, time,
/// memory. What neither says is NaN.
/// </summary>
static class RunEpochs
{
    const int MostEpochs = 1_000_000;

    /// <summary>The epochs of a folder in their order; none before the first has ended.</summary>
    /// <exception cref="RunException">A file is malformed or cut off.</exception>
    public static IReadOnlyList<EpochRecord> Read(string folder)
    {
        string results = Path.Combine(folder, "results.json");
        if (RunText.Find(results) is not { } json)
            return [];
        var epochs = ParseResults(json, results);
        string summary = Path.Combine(folder, "summary.csv");
        return RunText.Find(summary) is { } csv ? Complete(epochs, SummaryTable.Parse(csv, summary)) : epochs;
    }

    static List<EpochRecord> ParseResults(string json, string path)
    {
        List<EpochRecord> epochs = [];
        try
        {
            using var document = JsonDocument.Parse(json);
            foreach (var item in document.RootElement.GetProperty("all").EnumerateArray())
            {
                // The reference leaves a place for each epoch before a resume.
                if (item.ValueKind != JsonValueKind.Null)
                    epochs.Add(ParseEpoch(item));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new RunException(path, $"is not the results of a run, or is cut off: {e.Message}", e);
        }
        for (int i = 0; i < epochs.Count; i++)
            if (epochs[i].Epoch is < 0 or > MostEpochs || (i > 0 && epochs[i].Epoch <= epochs[i - 1].Epoch))
                throw new RunException(path, FormattableString.Invariant($"epoch {epochs[i].Epoch} is out of its order."));
        return epochs;
    }

    static EpochRecord ParseEpoch(JsonElement item)
    {
        JsonElement train = item.GetProperty("train"), validation = item.GetProperty("validation");
        double loss = Number(train, "loss"), perturbLoss = Number(train, "perturb_loss");
        return new EpochRecord
        {
            Epoch = item.GetProperty("epoch").GetInt32(),
            LearningRate = double.NaN,
            Rho = double.NaN,
            Train = new(loss, perturbLoss, Number(train, "mean_loss"), Number(train, "mean_perturb_loss")),
            Norms = train.TryGetProperty("perturbation_norm", out _)
                ? new(Number(train, "perturbation_norm"), Number(train, "gradient_norm"))
                : null,
            Validation = new(Number(validation, "loss"), Number(validation, "top1"), Number(validation, "top5")),
            Seconds = double.NaN,
            ImagesPerSecond = double.NaN,
            PeakBytes = 0,
        };
    }

    /// <summary>A number that is not finite was written as null; the reference has no means over all images.</summary>
    static double Number(JsonElement of, string name) =>
        of.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value.GetDouble() : double.NaN;

    /// <summary>Adds what the table says of the same epochs; of a run that goes on it may be one epoch ahead.</summary>
    static List<EpochRecord> Complete(List<EpochRecord> epochs, SummaryTable table) => [.. epochs.Select(e =>
        table.Rows.TryGetValue(e.Epoch, out var row)
            ? e with
            {
                LearningRate = row("lr"),
                Rho = row("rho"),
                Seconds = row("seconds"),
                ImagesPerSecond = row("images_per_second"),
                PeakBytes = row("peak_memory_mib") is >= 0 and < 1e12 and var mib ? (long)(mib * 1048576) : 0,
                SkippedUpdates = row("skipped_updates") is >= 0 and <= int.MaxValue and var skipped ? (int)skipped : 0,
            }
            : e)];

    /// <summary>A table of numbers with a header.</summary>
    /// <param name="Rows">By epoch: the number of a column, NaN where there is no such column.</param>
    sealed record SummaryTable(IReadOnlyDictionary<int, Func<string, double>> Rows)
    {
        public static SummaryTable Parse(string text, string path)
        {
            string[] lines = text.Split('\n');
            Dictionary<string, int> columns = new(StringComparer.Ordinal);
            foreach (var (name, at) in lines[0].TrimEnd('\r').Split(',').Select((name, at) => (name.Trim(), at)))
                if (!columns.TryAdd(name, at))
                    throw new RunException(path, $"has two columns '{name}'.");
            if (!columns.TryGetValue("epoch", out int epochAt))
                throw new RunException(path, "is not the table of a run: it has no column 'epoch'.");
            Dictionary<int, Func<string, double>> rows = [];
            for (int i = 1; i < lines.Length; i++)
            {
                string line = lines[i].TrimEnd('\r');
                if (line.Length == 0)
                    continue;
                string[] fields = line.Split(',');
                string where = string.Create(CultureInfo.InvariantCulture, $"line {i + 1}");
                if (fields.Length != columns.Count)
                    throw new RunException(path, string.Create(CultureInfo.InvariantCulture,
                        $"{where} has {fields.Length} fields in place of {columns.Count}; the file is cut off or damaged."));
                if (!int.TryParse(fields[epochAt], NumberStyles.None, CultureInfo.InvariantCulture, out int epoch))
                    throw new RunException(path, $"{where}: '{fields[epochAt]}' is no epoch.");
                double[] numbers = [.. fields.Select(field => Number(field, where, path))];
                if (!rows.TryAdd(epoch, name => columns.TryGetValue(name, out int at) ? numbers[at] : double.NaN))
                    throw new RunException(path, string.Create(CultureInfo.InvariantCulture, $"{where}: epoch {epoch} occurs twice."));
            }
            return new(rows);
        }

        static double Number(string field, string where, string path) =>
            field.Length == 0 ? double.NaN
            : double.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? number
            : throw new RunException(path, $"{where}: '{field}' is no number.");
    }
}
