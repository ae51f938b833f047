using System.Collections.Concurrent;
using System.Diagnostics;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Progress;

namespace PerturbedForgetting.Training.Runs.Sweeping;

/// <summary>What became of one run of a sweep.</summary>
public enum SweepState
{
    /// <summary>All its epochs are there.</summary>
    Finished,
    /// <summary>It ended with an error.</summary>
    Failed,
    /// <summary>Another process trains it.</summary>
    InUse,
    /// <summary>It has not been run, or not to its end.</summary>
    Open,
}

/// <summary>Runs a run of a sweep to its end.</summary>
/// <param name="point">The run.</param>
/// <param name="token">Asks it to stop.</param>
/// <returns>What became of it, and why it failed.</returns>
/// <exception cref="OperationCanceledException">It was stopped.</exception>
public delegate (SweepState State, string Message) SweepPlace(SweepPoint point, CancellationToken token);

/// <summary>Runs what of a sweep has not been run, and keeps its table and its curve up to date.</summary>
/// <param name="plan">The runs.</param>
/// <param name="observer">Receives a line for each run.</param>
public sealed class SweepRunner(SweepPlan plan, ITrainingObserver observer)
{
    readonly (SweepState State, string Message)[] states = new (SweepState, string)[plan.Points.Count];
    readonly Lock gate = new();
    int done, ran;

    /// <summary>What became of each run, in the order of the plan.</summary>
    public IReadOnlyList<(SweepState State, string Message)> States => states;

    /// <summary>Runs them, each place one after the other.</summary>
    /// <param name="places">Where runs can run at the same time.</param>
    /// <param name="token">Asks to stop: no further run begins, and those that run stop where they can be continued.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="IOException">The table cannot be written.</exception>
    public void Run(IReadOnlyList<SweepPlace> places, CancellationToken token)
    {
        Directory.CreateDirectory(plan.Folder);
        ConcurrentQueue<int> open = [];
        for (int i = 0; i < states.Length; i++)
        {
            bool isFinished = IsFinished(plan.Points[i]);
            states[i] = isFinished ? (SweepState.Finished, "") : (SweepState.Open, "");
            if (!isFinished)
                open.Enqueue(i);
        }
        done = states.Length - open.Count;
        observer.Message(MessageLevel.Info, $"Sweep: {Quantity.Of(states.Length, "run")} in '{plan.Folder}', {done} of them done.");
        WriteResults();
        long begun = Stopwatch.GetTimestamp();
        if (places.Count == 1)
            Work(places[0], open, begun, token);
        else
        {
            Task[] workers = [.. places.Select(place =>
                Task.Factory.StartNew(() => Work(place, open, begun, token), TaskCreationOptions.LongRunning))];
            try { Task.WaitAll(workers, CancellationToken.None); }
            catch (AggregateException e) when (e.InnerExceptions.All(inner => inner is OperationCanceledException)) { }
        }
        token.ThrowIfCancellationRequested();
    }

    void Work(SweepPlace place, ConcurrentQueue<int> open, long begun, CancellationToken token)
    {
        while (!token.IsCancellationRequested && open.TryDequeue(out int i))
        {
            var point = plan.Points[i];
            lock (gate)
                observer.Message(MessageLevel.Info, $"Run {point.Name}:");
            var result = place(point, token);
            lock (gate)
                Ended(i, result, begun);
        }
    }

    void Ended(int i, (SweepState State, string Message) result, long begun)
    {
        states[i] = result;
        done += result.State == SweepState.Finished ? 1 : 0;
        ran++;
        string name = plan.Points[i].Name;
        if (result.State == SweepState.Failed)
            observer.Message(MessageLevel.Warning, $"Run {name} failed: {result.Message}");
        else if (result.State == SweepState.InUse)
            observer.Message(MessageLevel.Info, $"Run {name} is left to the process that trains it.");
        int left = states.Count(s => s.State == SweepState.Open);
        var time = Stopwatch.GetElapsedTime(begun) / ran * left;
        observer.Message(MessageLevel.Info,
            $"Sweep: {done} of {Quantity.Of(states.Length, "run")} done, {left} to come, about {time.TotalMinutes:F0} min left.");
        WriteResults();
    }

    bool IsFinished(SweepPoint point)
    {
        string folder = Path.Combine(plan.Folder, point.Name);
        return RunRecord.IsRun(folder) && RunRecord.Read(folder).State == RunState.Finished;
    }

    void WriteResults()
    {
        RunRecord?[] runs = [.. plan.Points.Select(p => Path.Combine(plan.Folder, p.Name))
            .Select(folder => RunRecord.IsRun(folder) ? RunRecord.Read(folder) : null)];
        SweepResults.WriteTable(plan, runs, states);
        SweepResults.Draw(plan, runs);
    }
}
