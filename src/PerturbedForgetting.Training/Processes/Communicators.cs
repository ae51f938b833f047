using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Training.Processes;

/// <summary>Chooses what carries the tensors of a device.</summary>
static class Communicators
{
    /// <summary>The group of the world's devices.</summary>
    /// <exception cref="CommunicationException">There is no library for it.</exception>
    public static Communicator Open(World world, Device device) => throw new CommunicationException(
        $"nothing carries tensors of {device} between {world.Size} processes.");
}
