using System.Diagnostics;
using System.Runtime.ExceptionServices;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Training.Options;
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

/// <summary>Runs what of a sweep has not been run, and keeps its table and its curve up to date. A run that starts from the weights of
/// another waits for that one.</summary>
/// <param name="plan">The runs.</param>
/// <param name="observer">Receives a line for each run.</param>
public sealed class SweepRunner(SweepPlan plan, ITrainingObserver observer)
{
    readonly (SweepState State, string Message)[] states = new (SweepState, string)[plan.Points.Count];
    readonly List<int> open = [];
    readonly object gate = new();
    int done, ran, running;

    /// <summary>What became of each run, in the order of the plan.</summary>
    public IReadOnlyList<(SweepState State, string Message)> States => states;

    /// <summary>Runs them, each place one after the other. A run that fails leaves the others.</summary>
    /// <param name="places">Where runs can run at the same time.</param>
    /// <param name="token">Asks to stop: no further run begins, and those that run stop where they can be continued.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="IOException">The table cannot be written.</exception>
    public void Run(IReadOnlyList<SweepPlace> places, CancellationToken token)
    {
        Directory.CreateDirectory(plan.Folder);
        for (int i = 0; i < states.Length; i++)
        {
            bool isFinished = IsFinished(plan.Points[i]);
            states[i] = isFinished ? (SweepState.Finished, "") : (SweepState.Open, "");
            if (!isFinished)
                open.Add(i);
        }
        done = states.Length - open.Count;
        observer.Message(MessageLevel.Info, $"Sweep: {Quantity.Of(states.Length, "run")} in '{plan.Folder}', {done} of them done.");
        WriteResults();
        long begun = Stopwatch.GetTimestamp();
        if (places.Count == 1)
            Work(places[0], begun, token);
        else
        {
            Task[] workers = [.. places.Select(place =>
                Task.Factory.StartNew(() => Work(place, begun, token), TaskCreationOptions.LongRunning))];
            try { Task.WaitAll(workers, CancellationToken.None); }
            catch (AggregateException e) { ExceptionDispatchInfo.Throw(e.InnerExceptions[0]); }
        }
        if (!token.IsCancellationRequested)
            return;
        WriteResults();
        observer.Message(MessageLevel.Info,
            $"Sweep: stopped, {done} of {Quantity.Of(states.Length, "run")} done. The same command again goes on.");
        token.ThrowIfCancellationRequested();
    }

    void Work(SweepPlace place, long begun, CancellationToken token)
    {
        while (Next(token) is { } i)
        {
            (SweepState State, string Message)? result = null;
            try
            {
                result = place(plan.Points[i], token);
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested) { }
            // A radius that is too large for a run is no reason to leave the others.
            catch (Exception e)
            {
                result = (SweepState.Failed, ParameterNames.Translate(e.Message).ReplaceLineEndings(" "));
            }
            lock (gate)
            {
                running--;
                // Before anything that may fail: nobody is to wait for this run any more.
                Monitor.PulseAll(gate);
                if (result is { } known)
                    Ended(i, known, begun);
            }
        }
    }

    /// <summary>Takes the next run that can begin; waits while only such are left as start from one that runs.</summary>
    /// <returns>Its number; null if no further run begins.</returns>
    int? Next(CancellationToken token)
    {
        lock (gate)
        {
            while (!token.IsCancellationRequested && open.Count > 0)
            {
                int at = open.FindIndex(i => SourceOf(i) is null or { State: SweepState.Finished });
                if (at < 0 && running > 0)
                {
                    Monitor.Wait(gate);
                    continue;
                }
                // What they start from has failed, or another process trains it.
                if (at < 0)
                {
                    open.ForEach(WithoutSource);
                    open.Clear();
                    WriteResults();
                    break;
                }
                int next = open[at];
                open.RemoveAt(at);
                running++;
                observer.Message(MessageLevel.Info, $"Run {plan.Points[next].Name}:");
                return next;
            }
            return null;
        }
    }

    (SweepState State, string Message)? SourceOf(int i) => plan.Points[i].Source is { } source ? states[source] : null;

    void WithoutSource(int i)
    {
        var point = plan.Points[i];
        bool isInUse = SourceOf(i) is { State: SweepState.InUse };
        string message = $"it starts from the weights of {plan.Points[point.Source!.Value].Name}, which "
            + (isInUse ? "another process trains" : "has failed");
        states[i] = (isInUse ? SweepState.Open : SweepState.Failed, message);
        observer.Message(MessageLevel.Warning, $"Run {point.Name} does not begin: {message}.");
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
        int left = open.Count + running;
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
