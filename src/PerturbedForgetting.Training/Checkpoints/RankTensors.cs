using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>
/// What each of several processes has of its own beside the weights that they share: the running statistics that its samples have made, and
/// what its perturbation remembers. The first writes its own as a single process would, and those of the others, which send them one after
/// the other, as <c>rank.NUMBER.NAME</c>.
/// </summary>
/// <param name="step">What perturbs.</param>
/// <param name="buffers">The running statistics; none where the model has none.</param>
/// <param name="communicator">The processes.</param>
/// <param name="areShared">Whether the running statistics are the same in all processes, as they are behind an epoch.</param>
sealed class RankTensors(TrainingStep step, BufferArena? buffers, Communicator communicator, bool areShared)
{
    /// <summary>Adds those of the others to a file of the first.</summary>
    public void Write(SafetensorsWriter writer)
    {
        for (int rank = 1; rank < communicator.Size; rank++)
        {
            int from = rank;
            foreach (var (name, tensor) in Own())
            {
                StepTensors.Add(writer, Name(from, name), tensor, () =>
                {
                    var received = Tensor.Persistent(tensor.Shape, tensor.DType, tensor.Device);
                    communicator.Broadcast(received, from);
                    return received;
                });
            }
        }
    }

    /// <summary>Sends them, in the order in which the first writes them.</summary>
    public void Send()
    {
        for (int rank = 1; rank < communicator.Size; rank++)
        {
            foreach (var (_, tensor) in Own())
            {
                if (rank == communicator.Rank)
                {
                    communicator.Broadcast(tensor, rank);
                    continue;
                }
                using var others = Tensor.Persistent(tensor.Shape, tensor.DType, tensor.Device);
                communicator.Broadcast(others, rank);
            }
        }
    }

    /// <summary>Takes those of this process from a file, where they are; else it goes on with those of the first.</summary>
    public void Read(SafetensorsFile file)
    {
        if (communicator.Rank == 0)
            return;
        foreach (var (name, tensor) in Own())
            if (file.Contains(Name(communicator.Rank, name)))
                StepTensors.Restore(file, Name(communicator.Rank, name), tensor);
    }

    IEnumerable<(string Name, Tensor Tensor)> Own()
    {
        if (!areShared && buffers is not null)
            yield return ("buffers", buffers.Values);
        foreach (var entry in step.OwnState)
            yield return entry;
    }

    static string Name(int rank, string name) => FormattableString.Invariant($"rank.{rank}.{name}");
}
