namespace PerturbedForgetting.Training.Logs;

/// <summary>A number of a log.</summary>
/// <param name="Name">Its name: in a line of JSON as it is, in an event file behind a group.</param>
/// <param name="Value">May be infinite or not a number.</param>
readonly record struct LogScalar(string Name, double Value);

/// <summary>What a log is told at one moment of a run.</summary>
/// <param name="Kind">Of what the numbers are.</param>
/// <param name="Time">When it was.</param>
/// <param name="Step">Updates of the run so far.</param>
/// <param name="Epoch">Number of the epoch, from 0.</param>
/// <param name="EpochsDone">Epochs trained so far, with the part of the one at hand.</param>
/// <param name="Scalars">The numbers, in the order in which they are listed.</param>
readonly record struct LogPoint(LogPointKind Kind, DateTimeOffset Time, long Step, int Epoch, double EpochsDone,
    IReadOnlyList<LogScalar> Scalars);

/// <summary>Of what the numbers of a <see cref="LogPoint"/> are.</summary>
enum LogPointKind
{
    /// <summary>An update, at the log interval.</summary>
    Update,

    /// <summary>A whole epoch with its evaluation.</summary>
    Epoch,
}

/// <summary>How the part of a run ended that one start of the program did.</summary>
enum LogEnd
{
    /// <summary>All epochs are trained.</summary>
    Completed,

    /// <summary>It was told to stop, and can be continued.</summary>
    Interrupted,

    /// <summary>An error ended it.</summary>
    Failed,
}
