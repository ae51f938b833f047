namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>A group of one: sums, means and copies are what they are.</summary>
sealed class SingleProcess : Communicator
{
    public override string Name => "none";

    public override int Rank => 0;

    public override int Size => 1;

    public override CommunicationTimes Times => default;

    public override void BeginAllReduce(Tensor values, ReduceOperation operation)
    {
    }

    public override void Complete()
    {
    }

    public override void Broadcast(Tensor values, int root) => ArgumentOutOfRangeException.ThrowIfNotEqual(root, 0);

    public override void AllGather(Tensor part, Tensor all) => all.CopyFrom(part);

    public override void Barrier()
    {
    }

    public override Communicator Split(int color) => this;

    public override void Abort(string reason)
    {
    }

    public override void Dispose()
    {
    }
}
