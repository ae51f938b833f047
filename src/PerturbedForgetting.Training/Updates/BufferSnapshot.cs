using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Training.Updates;

/// <summary>A copy of a model's buffers (running statistics), which an update that is left out puts back.</summary>
sealed class BufferSnapshot : IDisposable
{
    readonly BufferArena? buffers;
    readonly Tensor? copy;
    readonly (Tensor Values, Tensor Copy)[] byType = [];

    /// <param name="buffers">The buffers; none where the model has none.</param>
    public BufferSnapshot(BufferArena? buffers)
    {
        this.buffers = buffers;
        if (buffers is null)
            return;
        copy = buffers.NewCopy();
        byType = [.. buffers.ByType(buffers.Values).Zip(buffers.ByType(copy))];
    }

    public IEnumerable<(string Name, Tensor Tensor)> Copies => buffers?.In(copy!) ?? [];

    public void Save() => copy?.CopyFrom(buffers!.Values);

    /// <summary>Clears the flag where a running statistic is infinite or not a number.</summary>
    public void RequireFinite(Tensor flag)
    {
        foreach (var (values, _) in byType)
        {
            if (values.DType.IsFloating())
                MultiTensorOps.RequireFinite(values, flag);
        }
    }

    public void RestoreIfZero(Tensor flag)
    {
        if (buffers is not null)
            MultiTensorOps.CopyIfZero(flag, copy!, buffers.Values);
    }

    /// <summary>Mixes the copies into the buffers.</summary>
    public void Lerp(Tensor factor)
    {
        foreach (var (values, saved) in byType)
            MultiTensorOps.Lerp(values, saved, factor);
    }

    public void Dispose() => copy?.Dispose();
}
