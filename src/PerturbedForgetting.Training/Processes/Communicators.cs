using System.Text;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;

namespace PerturbedForgetting.Training.Processes;

/// <summary>Chooses what carries the tensors of a device: NCCL between GPUs, MPI between processors, and MPI between GPUs where one of them
/// has no NCCL.</summary>
static class Communicators
{
    /// <summary>The group of the world's devices.</summary>
    /// <exception cref="CommunicationException">There is no library for it, or a member is gone.</exception>
    public static Communicator Open(ProcessWorld world, Device device)
    {
        string? missing = device.IsAsynchronous ? WhyNotNccl(world, device) : null;
        if (device.IsAsynchronous && missing is null)
        {
            byte[] id = world.Gather(world.IsFirst ? NcclCommunicator.CreateId(device) : [])[0];
            return new NcclCommunicator(device, id, world.Rank, world.Size);
        }
        if (!world.HasMpi)
        {
            string remedy = FormattableString.Invariant($"use mpirun -np {world.Size}")
                + (world.IsOfSlurm ? ", or srun --mpi=pmix (Open MPI) or --mpi=pmi2 (MPICH)" : "");
            throw new CommunicationException(missing is not null
                ? $"{missing} Tensors then go by MPI, which {world.Launcher} does not start: {remedy}, or install NCCL."
                : $"tensors of the {device} go by MPI, which {world.Launcher} does not start: {remedy}.");
        }
        if (missing is not null)
            device.Note($"Tensors go from process to process through the memory of the host, by MPI, which is slow. {missing}");
        return world.StartMpi().CreateCommunicator(device);
    }

    /// <summary>What one of the processes lacks, who may be another.</summary>
    static string? WhyNotNccl(World world, Device device)
    {
        var all = world.Gather(Encoding.UTF8.GetBytes(NcclCommunicator.WhyUnusable(device) ?? ""));
        for (int rank = 0; rank < all.Count; rank++)
        {
            if (all[rank].Length > 0)
                return FormattableString.Invariant($"rank {rank}: {Encoding.UTF8.GetString(all[rank])}");
        }
        return null;
    }
}
