using System.Globalization;
using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Serialization;

namespace PerturbedForgetting.Training.Logs;

/// <summary>
/// An event file of TensorBoard: TFRecord frames around <c>Event</c> messages. A start of the program writes one, because a program that
/// follows the files of a run goes on from each to the next.
/// </summary>
sealed class EventFileLog : IRunLog
{
    const string Prefix = "events.out.tfevents.", Suffix = ".pf";

    /// <summary>Pattern of the names of these files.</summary>
    public const string Pattern = $"{Prefix}*{Suffix}";

    readonly AppendedFile file;
    readonly MemoryStream records = new();

    /// <summary>Makes a file, whose name comes after those of the folder's others.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public EventFileLog(string folder, DateTimeOffset time)
    {
        for (long seconds = time.ToUnixTimeSeconds(); ; seconds++)
        {
            Name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{seconds:D10}.{Host()}.{Environment.ProcessId}{Suffix}");
            // Readers take the files in the order of their names.
            if (Directory.EnumerateFiles(folder, Pattern).All(f => string.CompareOrdinal(Path.GetFileName(f), Name) < 0))
                break;
        }
        file = new AppendedFile(Path.Combine(folder, Name));
        Write(EventMessages.FileVersion(time));
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Whether a name can be that of such a file.</summary>
    public static bool IsName(string name) => name.StartsWith(Prefix, StringComparison.Ordinal)
        && name.EndsWith(Suffix, StringComparison.Ordinal) && name.AsSpan().IndexOfAny('/', '\\') < 0;

    /// <inheritdoc/>
    public void Started(in LogStart start)
    {
        if (start.HasCut)
            Write(EventMessages.Restart(start.Time, start.Step + 1));
        Write(EventMessages.Text(start.Time, start.Step, "options", $"```json\n{OptionsJson.Write(start.Options)}```"));
        if (!start.IsContinued)
            Write(EventMessages.Hyperparameters(start.Time, start.Options));
    }

    /// <inheritdoc/>
    public void Add(in LogPoint point)
    {
        bool isUpdate = point.Kind == LogPointKind.Update;
        var scalars = point.Scalars.Select(s => s with { Name = Tag(s.Name, isUpdate) });
        Write(EventMessages.Scalars(point.Time, point.Step, isUpdate ? scalars.Append(new("epoch", point.EpochsDone)) : scalars));
    }

    /// <inheritdoc/>
    public void Ended(LogEnd end, DateTimeOffset time)
    {
        // A run that can be continued has not ended.
        if (end != LogEnd.Interrupted)
            Write(EventMessages.End(time, end));
    }

    /// <inheritdoc/>
    public long Flush() => file.Flush();

    public void Dispose() => file.Dispose();

    /// <summary>TensorBoard makes a section of what is before the slash.</summary>
    static string Tag(string name, bool isUpdate) => isUpdate ? $"train/{name}"
        : name.StartsWith("eval_", StringComparison.Ordinal) ? $"eval/{name["eval_".Length..]}"
        : $"epoch/{name}";

    void Write(ProtoMessage message)
    {
        records.SetLength(0);
        new TfRecordWriter(records).Write(message.Bytes.Span);
        file.Add(records.GetBuffer().AsMemory(0, (int)records.Length));
    }

    /// <summary>The machine's name without what a file name, or a reader that splits it at dots, cannot have.</summary>
    static string Host() =>
        string.Concat(Environment.MachineName.Select(static c => char.IsAsciiLetterOrDigit(c) || c == '-' ? c : '_'));
}
