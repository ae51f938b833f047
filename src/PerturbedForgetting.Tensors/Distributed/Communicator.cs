namespace PerturbedForgetting.Tensors.Distributed;

/// <summary>
/// A group of processes, each with its own tensors, that add, send and gather them. All members make the same calls in the same order, with
/// tensors of the same type and count on their own device. A call is ordered like an operation of the device: it comes after what the
/// device was given before, and what it is given afterwards comes after the call. Results are the same bits on every member.
/// </summary>
/// <remarks>One thread at a time; <see cref="Abort"/> from any.</remarks>
/// <example><code>
/// communicator.AllReduce(arena.Gradients, ReduceOperation.Mean);
/// </code></example>
public abstract class Communicator : IDisposable
{
    /// <summary>The group of this process alone: nothing is done, and nothing costs anything.</summary>
    public static Communicator Alone { get; } = new SingleProcess();

    /// <summary>What carries the data, for people: <c>NCCL 2.21.5</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Number of this process in the group, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>Processes in the group.</summary>
    public abstract int Size { get; }

    /// <summary>Replaces the values by what they and those of the other members make, in place.</summary>
    /// <param name="values">Contiguous; float32, float64, int32 or int64, of which the last two have no mean.</param>
    /// <param name="operation">What is made.</param>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    public void AllReduce(Tensor values, ReduceOperation operation)
    {
        BeginAllReduce(values, operation);
        Complete();
    }

    /// <summary>The first half of <see cref="AllReduce"/>: begins as soon as the device has done what it was given so far, while it goes on
    /// with other work that does not touch the values. Several may be under way; they go in the order of the calls.</summary>
    /// <inheritdoc cref="AllReduce"/>
    public abstract void BeginAllReduce(Tensor values, ReduceOperation operation);

    /// <summary>As <see cref="BeginAllReduce"/>, for half the bytes: sums and means of float32 values that are rounded to bfloat16 (8 bits
    /// of mantissa) on their way, be it once or more. Values of other types and other operations go as they are.</summary>
    /// <inheritdoc cref="AllReduce"/>
    public virtual void BeginAllReduceRounded(Tensor values, ReduceOperation operation) => BeginAllReduce(values, operation);

    /// <summary>The second half: what the device is given from now on comes after every reduction that was begun. On a device that works on
    /// its own the host does not wait.</summary>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    public abstract void Complete();

    /// <summary>Gives all members the values of one.</summary>
    /// <param name="values">Contiguous, of any type.</param>
    /// <param name="root">The member whose values they are.</param>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    public abstract void Broadcast(Tensor values, int root);

    /// <summary>Puts the parts of all members one after the other, in the order of their ranks.</summary>
    /// <param name="part">Of this member; contiguous, of any type.</param>
    /// <param name="all">Of its type, <see cref="Size"/> times as long.</param>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    public abstract void AllGather(Tensor part, Tensor all);

    /// <summary>Waits until all members have come here.</summary>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    public abstract void Barrier();

    /// <summary>Parts the group: those that give the same number form one, in the order of their ranks. All members call it.</summary>
    /// <param name="color">Not negative.</param>
    public abstract Communicator Split(int color);

    /// <summary>What communication has cost so far; waits for the device.</summary>
    public abstract CommunicationTimes Times { get; }

    /// <summary>How far this process has come; any thread may ask.</summary>
    public virtual CommunicationProgress Progress => default;

    /// <summary>Ends what waits, here and where it can on the device, because a member is gone: every call from now on fails. Any
    /// thread may call it.</summary>
    /// <param name="reason">What <see cref="CommunicationException"/> says.</param>
    public abstract void Abort(string reason);

    /// <summary>Leaves the group; after <see cref="Abort"/> without waiting for anybody.</summary>
    public abstract void Dispose();
}
