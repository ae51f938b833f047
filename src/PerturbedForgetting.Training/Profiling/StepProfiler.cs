using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Profiling;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training.Profiling;

/// <summary>Records some training steps of a run, shows the table, and writes <c>profile.csv</c>, <c>profile.trace.json</c> and, for a
/// card, <c>roofline.csv</c>.</summary>
/// <param name="device">Where the run computes.</param>
/// <param name="communicator">The processes that train together.</param>
/// <param name="steps">How many mini-batches; fewer where an epoch ends before.</param>
/// <param name="usesGraphs">Tells whether the run's steps are replayed as graphs otherwise; those that are recorded are not.</param>
/// <param name="roofline">The card whose least times are shown, too; null for none.</param>
/// <param name="folder">The run directory.</param>
/// <param name="observer">Receives the table.</param>
sealed class StepProfiler(
    Device device, Communicator communicator, int steps, Func<bool> usesGraphs, Roofline? roofline, string folder,
    ITrainingObserver observer)
    : IDisposable
{
    /// <summary>Steps before the recording, in which memory is allocated and algorithms are chosen.</summary>
    const int WarmUp = 3;

    Profiler? profiler;
    CommunicationTimes before;
    int seen, recorded;

    /// <summary>Whether the table was shown.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Whether steps are being recorded.</summary>
    public bool IsRecording => profiler is not null;

    /// <summary>Begins or ends the recording between two batches.</summary>
    /// <param name="next">Number of the batch to come in its epoch; the number of batches at the epoch's end.</param>
    /// <param name="batches">Batches of the epoch.</param>
    /// <param name="isFirst">Whether no batch came before it in this epoch and run.</param>
    /// <exception cref="IOException">A result cannot be written.</exception>
    public void Advance(int next, int batches, bool isFirst)
    {
        if (IsDone)
            return;
        if (!isFirst)
            (seen, recorded) = (seen + 1, IsRecording ? recorded + 1 : 0);
        if (IsRecording && (recorded == steps || next >= batches))
            Finish();
        else if (!IsRecording && next < batches && (seen >= WarmUp || batches - next <= steps))
            (before, profiler) = (communicator.Times, new Profiler(device));
    }

    void Finish()
    {
        var profile = profiler!.Finish();
        var spent = communicator.Times - before;
        profiler = null;
        IsDone = true;
        AtomicFile.WriteText(Path.Combine(folder, "profile.csv"), ProfileTable.Csv(profile));
        AtomicFile.Write(Path.Combine(folder, "profile.trace.json"), stream => ChromeTrace.Write(profile, stream));
        observer.Message(MessageLevel.Info, ProfileTable.Text(profile, recorded, usesGraphs()));
        if (communicator.Size > 1)
            observer.Message(MessageLevel.Info, $"Communication in these steps: {spent.Describe(profile.Microseconds / 1e6)}");
        if (roofline is not null && profile.Streams.Count > 0)
        {
            var sum = RooflineTable.Sum(profile, roofline);
            AtomicFile.WriteText(Path.Combine(folder, "roofline.csv"), RooflineTable.Csv(sum));
            observer.Message(MessageLevel.Info, RooflineTable.Text(sum, recorded));
        }
        observer.Message(MessageLevel.Info,
            $"Profile: {Path.Combine(folder, "profile.csv")}; open profile.trace.json beside it with https://ui.perfetto.dev.");
    }

    /// <summary>Ends a recording that was not finished.</summary>
    public void Dispose() => profiler?.Dispose();
}
