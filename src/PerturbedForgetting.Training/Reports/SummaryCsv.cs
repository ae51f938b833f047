using System.Globalization;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Training.Reports;

/// <summary>
/// <c>summary.csv</c>: one row an epoch. The whole file is written anew each time from the run's own records, which a checkpoint
/// carries, so that after a resume no row is doubled, lost, or left over from epochs that are trained again. Norms have columns where an
/// epoch was trained with <c>--log-norms</c>.
/// </summary>
public static class SummaryCsv
{
    /// <summary>Writes the file atomically.</summary>
    /// <exception cref="IOException">It cannot be written; the old one is unchanged.</exception>
    public static void Write(string path, IReadOnlyCollection<EpochRecord> epochs)
    {
        EpochColumn[] columns = [.. EpochColumns.Always, .. epochs.Any(static e => e.Norms is not null) ? EpochColumns.Norms : []];
        var text = new StringBuilder("epoch");
        foreach (var column in columns)
            text.Append(',').Append(column.Name);
        text.Append('\n');
        foreach (var epoch in epochs)
        {
            text.Append(CultureInfo.InvariantCulture, $"{epoch.Epoch}");
            foreach (var column in columns)
                text.Append(',').Append(column.Text(epoch));
            text.Append('\n');
        }
        AtomicFile.WriteText(path, text.ToString());
    }
}
