using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

sealed partial class CudaBackend
{
    /// <summary>Where host memory is copied beside the computation.</summary>
    CudaStream? copies;

    public override HostBuffer AllocateHost(long bytes) => new PinnedHostBuffer(workplace.Context.AllocatePinned<byte>(checked((int)bytes)));

    public override StagingBuffer CreateStaging(Device device, long bytes)
    {
        copies ??= workplace.Context.CreateStream();
        return new CudaStagingBuffer(Tensor.Persistent([checked((int)bytes)], DType.UInt8, device), stream, copies);
    }
}
