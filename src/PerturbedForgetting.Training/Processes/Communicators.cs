using System.Text;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Training.Processes;

/// <summary>Chooses what carries the tensors of a device.</summary>
static class Communicators
{
    /// <summary>The group of the world's devices.</summary>
    /// <exception cref="CommunicationException">There is no library for it.</exception>
    public static Communicator Open(World world, Device device)
    {
        if (!device.IsAsynchronous)
            throw new CommunicationException($"nothing carries tensors of {device} between {world.Size} processes.");
        var all = world.Gather(Encoding.UTF8.GetBytes(NcclCommunicator.WhyUnusable(device) ?? ""));
        int without = all.ToList().FindIndex(static why => why.Length > 0);
        if (without >= 0)
            throw new CommunicationException(FormattableString.Invariant($"rank {without}: {Encoding.UTF8.GetString(all[without])}"));
        byte[] id = world.Gather(world.IsFirst ? NcclCommunicator.CreateId(device) : [])[0];
        return new NcclCommunicator(device, id, world.Rank, world.Size);
    }
}
