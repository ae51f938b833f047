using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    CudaStream? copies;

    /// <summary>Where host memory is copied beside the computation.</summary>
    CudaStream Copies => copies ??= workplace.Context.CreateStream();

    public override HostBuffer AllocateHost(long bytes) =>
        new PinnedHostBuffer(workplace.Context.AllocatePinned<byte>(Shape.Extent(bytes, "bytes of a batch")));

    public override StagingBuffer CreateStaging(Device device, long bytes) =>
        new CudaStagingBuffer(Tensor.Persistent([Shape.Extent(bytes, "bytes of a batch")], DType.UInt8, device), stream, Copies);

    public override HostExchange CreateExchange(int pieceBytes) => new CudaHostExchange(workplace, pieceBytes);
}
