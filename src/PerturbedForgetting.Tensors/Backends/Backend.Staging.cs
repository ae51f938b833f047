using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends;

// How host memory reaches the device beside the computation. These versions suit a device that computes in the call.
abstract partial class Backend
{
    /// <summary>Memory of the host that this device copies from.</summary>
    public virtual HostBuffer AllocateHost(long bytes) => new NativeHostBuffer(bytes);

    /// <summary>Memory of this device that such copies go to.</summary>
    public virtual StagingBuffer CreateStaging(Device device, long bytes) =>
        new(Tensor.Persistent([Shape.Extent(bytes, "bytes of a batch")], DType.UInt8, device));

    /// <summary>How a thread of the host works on tensors of this device; null where they lie in the memory of the host.</summary>
    /// <param name="pieceBytes">Bytes of a piece at most.</param>
    public virtual HostExchange? CreateExchange(int pieceBytes) => null;
}
