using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Updates;

/// <summary>A copy of a model's buffers (running statistics), which an update that is left out puts back.</summary>
sealed class BufferSnapshot : IDisposable
{
    readonly (string Name, Tensor Buffer, Tensor Copy)[] buffers;

    public BufferSnapshot(Module model)
    {
        buffers = [.. model.State().Where(static entry => entry.Tensor is not Parameter).Select(static entry =>
            (entry.Name, entry.Tensor, Tensor.Persistent(entry.Tensor.Shape, entry.Tensor.DType, entry.Tensor.Device)))];
        Save();
    }

    public IEnumerable<(string Name, Tensor Tensor)> Copies => buffers.Select(static b => (b.Name, b.Copy));

    public void Save()
    {
        foreach (var (_, buffer, copy) in buffers)
            copy.CopyFrom(buffer);
    }

    public void RestoreIfZero(Tensor flag)
    {
        foreach (var (_, buffer, copy) in buffers)
            MultiTensorOps.CopyIfZero(flag, copy, buffer);
    }

    /// <summary>Mixes the copies into the buffers.</summary>
    public void Lerp(Tensor factor)
    {
        foreach (var (_, buffer, copy) in buffers)
            MultiTensorOps.Lerp(buffer, copy, factor);
    }

    public void Dispose()
    {
        foreach (var (_, _, copy) in buffers)
            copy.Dispose();
    }
}
