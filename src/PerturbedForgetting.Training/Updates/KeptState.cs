using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;

namespace PerturbedForgetting.Training.Updates;

/// <summary>Copies of tensors that a window of batches changes, which an update that is left out puts back.</summary>
sealed class KeptState : IDisposable
{
    readonly (string Name, Tensor Values, Tensor Copy)[] kept;

    /// <param name="state">The tensors, by name.</param>
    public KeptState(IEnumerable<(string Name, Tensor Tensor)> state) =>
        kept = [.. state.Select(static s =>
            (s.Name, s.Tensor, Tensor.Persistent(s.Tensor.Shape, s.Tensor.DType, s.Tensor.Device).Fill(0)))];

    /// <summary>The copies, by the names of their tensors.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Copies => kept.Select(static k => (k.Name, k.Copy));

    public void Save()
    {
        foreach (var (_, values, copy) in kept)
            copy.CopyFrom(values);
    }

    /// <param name="flag">float64[1].</param>
    public void RestoreIfZero(Tensor flag)
    {
        foreach (var (_, values, copy) in kept)
            MultiTensorOps.CopyIfZero(flag, copy, values);
    }

    public void Dispose()
    {
        foreach (var (_, _, copy) in kept)
            copy.Dispose();
    }
}
