using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>A tensor that is made of others when it is read: transposed, joined, of another shape.</summary>
/// <param name="path">The file.</param>
/// <param name="name">The tensor's name.</param>
/// <param name="shape">Sizes, outermost first.</param>
/// <param name="values">Makes its values.</param>
sealed class ComposedEntry(string path, string name, long[] shape, Func<float[]> values)
    : WeightsEntry(path, name, SafetensorsDType.F32, shape)
{
    public override Stream OpenRead() => new MemoryStream(MemoryMarshal.AsBytes<float>(values()).ToArray(), writable: false);
}
