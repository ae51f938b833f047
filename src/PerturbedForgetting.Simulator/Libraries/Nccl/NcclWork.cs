using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Libraries.Nccl;

/// <summary>One call of a collective on a stream: sends what this member has when its turn comes, and writes what comes back. From the one
/// to the other no work that nothing orders may touch the memory.</summary>
/// <param name="member">The member.</param>
/// <param name="number">The call's number among those of the group.</param>
/// <param name="call">The call.</param>
/// <param name="sent">What is read; of no bytes where this member sends nothing.</param>
/// <param name="received">What is written.</param>
sealed unsafe class NcclWork(NcclMember member, long number, NcclCall call, MemoryRegion sent, MemoryRegion received) : JointWork
{
    byte[]? result;
    string? mismatch;

    SimulatedContext Context => member.Context;

    bool Executes => Context.Device.Options.Executes;

    public override bool HasArrived => result is not null || mismatch is not null || member.IsAborted || !Executes;

    /// <summary>What the group makes of the call.</summary>
    /// <param name="values">The values; empty where this member has them already.</param>
    /// <param name="problem">That the members did not make the same call; null where they did.</param>
    public void Arrive(byte[] values, string? problem) => (result, mismatch) = (values, problem);

    protected override void Start(Operation operation)
    {
        if (!Executes || member.IsAborted)
            return;
        sent.CheckRead(Context, operation);
        received.CheckWrite(Context, operation);
        byte[] values = new ReadOnlySpan<byte>((void*)sent.Address, (int)sent.Bytes).ToArray();
        member.Send(this, number, call.Encode(), values);
    }

    public override void Finish(Operation operation)
    {
        if (mismatch is not null)
            throw new DeviceFault(FaultKind.CollectiveMismatch, $"{operation.Name} on {operation.Lane.Name}: {mismatch}");
        Context.Device.Driver.CountersOf(operation.Name).AddLibraryCall(sent.Bytes, received.Bytes, 0);
        // Where the work was ended before it was done, the real library leaves anything.
        if (result is not { Length: > 0 } || member.IsAborted)
            return;
        result.CopyTo(new Span<byte>((void*)received.Address, (int)received.Bytes));
        received.MarkWritten(Context);
    }
}
