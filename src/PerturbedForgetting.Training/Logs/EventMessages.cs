using PerturbedForgetting.Training.Options;
using PerturbedForgetting.Vision.Serialization;

namespace PerturbedForgetting.Training.Logs;

/// <summary>
/// The messages of TensorBoard's event files (<c>event.proto</c>, <c>summary.proto</c>, and those of its text and hyperparameter
/// plugins), as far as a run needs them.
/// </summary>
static class EventMessages
{
    /// <summary>The version that the first record of a file names.</summary>
    public const string Version = "brain.Event:2";

    const string Writer = "perturbed-forgetting";
    const long SessionStart = 1, StringType = 7;
    const long Succeeded = 1, Failed = 2;

    /// <summary>The first record of a file.</summary>
    public static ProtoMessage FileVersion(DateTimeOffset time) =>
        Event(time, 0).Add(3, Version).Add(10, new ProtoMessage().Add(1, Writer));

    /// <summary>Tells whoever has read further in an older file to forget what comes from a step on.</summary>
    public static ProtoMessage Restart(DateTimeOffset time, long step) => Event(time, step).Add(7, new ProtoMessage().Add(1, SessionStart));

    /// <summary>Numbers of one step, by their tags.</summary>
    public static ProtoMessage Scalars(DateTimeOffset time, long step, IEnumerable<LogScalar> scalars)
    {
        var summary = new ProtoMessage();
        foreach (var (tag, value) in scalars)
            summary.Add(1, new ProtoMessage().Add(1, tag).Add(2, (float)value));
        return Event(time, step).Add(5, summary);
    }

    /// <summary>A text, which TensorBoard shows as Markdown.</summary>
    public static ProtoMessage Text(DateTimeOffset time, long step, string tag, string markdown) => Event(time, step).Add(5,
        new ProtoMessage().Add(1, new ProtoMessage()
            .Add(1, tag)
            .Add(8, new ProtoMessage().Add(1, StringType).Add(2, new ProtoMessage().Add(2, new ProtoMessage().Add(1, 1L))).Add(8, markdown))
            .Add(9, Plugin("text", new ProtoMessage()))));

    /// <summary>The options of a run for the table of hyperparameters.</summary>
    public static ProtoMessage Hyperparameters(DateTimeOffset time, TrainOptions options)
    {
        var info = new ProtoMessage();
        foreach (var spec in OptionTables.Train.Specs)
            if (!spec.Resume.IsOfThisStart && Value(spec, options) is { } value)
                info.Add(1, new ProtoMessage().Add(1, spec.Name).Add(2, value));
        info.Add(5, Seconds(time));
        return Plugin(time, "_hparams_/session_start_info", new ProtoMessage().Add(3, info));
    }

    /// <summary>How the run of a table of hyperparameters ended.</summary>
    public static ProtoMessage End(DateTimeOffset time, LogEnd end) => Plugin(time, "_hparams_/session_end_info",
        new ProtoMessage().Add(4, new ProtoMessage().Add(1, end == LogEnd.Completed ? Succeeded : Failed).Add(2, Seconds(time))));

    static ProtoMessage Plugin(DateTimeOffset time, string tag, ProtoMessage data) => Event(time, 0).Add(5,
        new ProtoMessage().Add(1, new ProtoMessage().Add(1, tag).Add(9, Plugin("hparams", data))));

    static ProtoMessage Plugin(string name, ProtoMessage content) =>
        new ProtoMessage().Add(1, new ProtoMessage().Add(1, name).Add(2, content));

    /// <summary>A <c>google.protobuf.Value</c>; none for an option that is not set.</summary>
    static ProtoMessage? Value(OptionSpec spec, TrainOptions options) => spec.Get(options) switch
    {
        null => null,
        bool isOn => new ProtoMessage().Add(4, isOn ? 1L : 0L),
        int number => new ProtoMessage().Add(2, (double)number),
        double number => new ProtoMessage().Add(2, number),
        _ => new ProtoMessage().Add(3, spec.Show(options)),
    };

    static ProtoMessage Event(DateTimeOffset time, long step)
    {
        var message = new ProtoMessage().Add(1, Seconds(time));
        return step == 0 ? message : message.Add(2, step);
    }

    static double Seconds(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).TotalSeconds;
}
