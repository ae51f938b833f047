using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Logs;

/// <summary>
/// A file in the folder of a run that grows with it. All calls come from the training thread. What is written is with the system when a
/// call returns, so that a program which follows the file sees it.
/// </summary>
interface IRunLog : IDisposable
{
    /// <summary>Name of the file.</summary>
    string Name { get; }

    /// <summary>A start of the program begins, or continues, the run.</summary>
    /// <exception cref="IOException">It cannot be written; so with the others.</exception>
    void Started(in LogStart start);

    /// <summary>Numbers of an update or an epoch.</summary>
    void Add(in LogPoint point);

    /// <summary>The start is over; nothing follows.</summary>
    void Ended(LogEnd end, DateTimeOffset time);

    /// <summary>Brings everything to the disk.</summary>
    /// <returns>Length of the file.</returns>
    long Flush();
}

/// <summary>What a log says of a start of the program.</summary>
/// <param name="Time">When it was.</param>
/// <param name="Run">Names the run.</param>
/// <param name="Options">Options of the run.</param>
/// <param name="Step">Updates that are done.</param>
/// <param name="Epoch">First epoch to train, from 0.</param>
/// <param name="UpdatesPerEpoch">Updates of a whole epoch.</param>
/// <param name="Parameters">Values in the model's parameters.</param>
/// <param name="Device">Where it is trained.</param>
/// <param name="IsContinued">Whether an earlier start has logged.</param>
/// <param name="HasCut">Whether event files of that start were cut back, because what they said is trained again.</param>
readonly record struct LogStart(DateTimeOffset Time, string Run, TrainOptions Options, long Step, int Epoch, int UpdatesPerEpoch,
    long Parameters, string Device, bool IsContinued, bool HasCut);
