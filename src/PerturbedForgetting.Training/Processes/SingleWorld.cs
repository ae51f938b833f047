using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Training.Processes;

/// <summary>A process that trains alone. Who wants it to stop cancels its token.</summary>
sealed class SingleWorld : World
{
    public override int Rank => 0;

    public override int Size => 1;

    public override int LocalRank => 0;

    public override int LocalSize => 1;

    public override string Description => "";

    public override Communicator Communicator => Communicator.Alone;

    public override void Open(Device device)
    {
    }

    public override IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> message) => [message.ToArray()];

    public override void Sum(Span<double> values)
    {
    }

    public override void RequestStop()
    {
    }

    public override bool MayBegin(long update) => true;

    public override void Leave(string reason)
    {
    }

    public override void Dispose()
    {
    }
}
