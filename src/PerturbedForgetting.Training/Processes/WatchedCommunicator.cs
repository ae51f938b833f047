using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Training.Processes.Control;

namespace PerturbedForgetting.Training.Processes;

/// <summary>Says on the control channel when the training thread is within a call, so that the others find out who keeps them
/// waiting.</summary>
/// <param name="inner">Does the work.</param>
/// <param name="channel">Is told.</param>
sealed class WatchedCommunicator(Communicator inner, ControlChannel channel) : Communicator
{
    public override string Name => inner.Name;

    public override int Rank => inner.Rank;

    public override int Size => inner.Size;

    public override CommunicationTimes Times => inner.Times;

    public override void BeginAllReduce(Tensor values, ReduceOperation operation) =>
        Watch((inner, values, operation), static s => s.inner.BeginAllReduce(s.values, s.operation));

    public override void BeginAllReduceRounded(Tensor values, ReduceOperation operation) =>
        Watch((inner, values, operation), static s => s.inner.BeginAllReduceRounded(s.values, s.operation));

    public override CommunicationProgress Progress => inner.Progress;

    public override void Complete() => Watch(inner, static i => i.Complete());

    public override void Broadcast(Tensor values, int root) =>
        Watch((inner, values, root), static s => s.inner.Broadcast(s.values, s.root));

    public override void AllGather(Tensor part, Tensor all) => Watch((inner, part, all), static s => s.inner.AllGather(s.part, s.all));

    public override void Barrier() => Watch(inner, static i => i.Barrier());

    public override Communicator Split(int color)
    {
        channel.ThrowIfFailed();
        return new WatchedCommunicator(inner.Split(color), channel);
    }

    public override void Abort(string reason) => inner.Abort(reason);

    public override void Dispose() => inner.Dispose();

    void Watch<T>(T state, Action<T> call)
    {
        channel.ThrowIfFailed();
        channel.BeginTensors();
        try
        {
            call(state);
        }
        // Who is gone is better known there than to the library, if a moment later.
        catch (CommunicationException)
        {
            channel.AwaitFailure(TimeSpan.FromSeconds(2));
            channel.ThrowIfFailed();
            throw;
        }
        finally
        {
            channel.EndTensors();
        }
    }
}
