using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Training.Processes;

/// <summary>
/// The processes that train together, this one among them: who it is, the group that their devices work in, and what they tell each other
/// beside it in small messages. All members make the same calls in the same order, but for those that say otherwise.
/// </summary>
public abstract class World : IDisposable
{
    /// <summary>This process alone.</summary>
    public static World Alone { get; } = new SingleWorld();

    /// <summary>Number of this process, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>Processes in all.</summary>
    public abstract int Size { get; }

    /// <summary>Number of this process among those of its machine, from 0: also that of its GPU.</summary>
    public abstract int LocalRank { get; }

    /// <summary>Processes of this machine.</summary>
    public abstract int LocalSize { get; }

    /// <summary>Who started the processes and how they talk, in one line for people; empty for one alone.</summary>
    public abstract string Description { get; }

    /// <summary>Whether this process writes the files of the run and speaks to people.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>The group that tensors are reduced in; <see cref="Communicator.Alone"/> before <see cref="Open"/>.</summary>
    public abstract Communicator Communicator { get; }

    /// <summary>Makes the group of the devices that the members have opened.</summary>
    /// <exception cref="CommunicationException">There is no library for it, or a member is gone.</exception>
    public abstract void Open(Device device);

    /// <summary>Gives the group up, before its device is closed; after <see cref="Leave"/>, or when a member is gone, without waiting for
    /// anybody.</summary>
    public virtual void Close()
    {
    }

    /// <summary>The same in turn: what <see cref="Open"/> makes is given up when the result is disposed.</summary>
    public IDisposable Use(Device device)
    {
        Open(device);
        return new Group(this);
    }

    /// <summary>Gives every member what all have to say, by rank: a few kilobytes at most.</summary>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    public abstract IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> message);

    /// <summary>Replaces numbers by their sums over all members, added in the order of the ranks.</summary>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    public abstract void Sum(Span<double> values);

    /// <summary>Asks all members to stop at the same position, as early as can be. Any thread of any member, at any time.</summary>
    public abstract void RequestStop();

    /// <summary>Asked before each update: whether to go on with it, as all others do that came here or will. Waits only while a stop is
    /// being agreed on; costs nothing otherwise.</summary>
    /// <param name="update">Its number; one more than that of the call before, the same on all members.</param>
    /// <returns>False where all stop: before this update, whichever member it is that asked for it.</returns>
    /// <exception cref="CommunicationException">A member is gone.</exception>
    public abstract bool MayBegin(long update);

    /// <summary>Tells the others that this process ends because of an error, so that they need not wait to find out.</summary>
    /// <param name="reason">What is wrong, in a sentence; it is shown by the first.</param>
    public abstract void Leave(string reason);

    /// <summary>Parts in peace: after the last common call.</summary>
    public abstract void Dispose();

    sealed class Group(World world) : IDisposable
    {
        public void Dispose() => world.Close();
    }
}
