namespace PerturbedForgetting.Tensors.Backends;

/// <summary>
/// The table of operations of a device, one part a family. Arguments are tensors of this device with checked shapes and types,
/// outputs are allocated by the caller; tensors do not overlap unless a method says that they may be the same. Where the floating
/// type matters, all tensors of a call have the same. An operation is found under one name in this table, in
/// <c>Backends/Cpu</c>, in <see cref="Ops"/> and in the tests.
/// </summary>
abstract partial class Backend
{
    /// <summary>The table for tensors of a type. It takes no other floating type; what depends on none is in every table.</summary>
    public virtual Backend For(DType type) => this;

    /// <summary>Sets every element of <paramref name="y"/>; integers are truncated.</summary>
    public abstract void Fill(Tensor y, double value);

    /// <summary>y = x, same type and count.</summary>
    public abstract void Copy(Tensor x, Tensor y);

    /// <summary>y = x converted to the type of <paramref name="y"/>; same count.</summary>
    public abstract void Cast(Tensor x, Tensor y);

    /// <summary>Host bytes to the device; complete for the host when it returns.</summary>
    public abstract void Upload(ReadOnlySpan<byte> host, Tensor y);

    /// <summary>Device to host bytes; waits for what writes <paramref name="x"/>.</summary>
    public abstract void Download(Tensor x, Span<byte> host);
}
