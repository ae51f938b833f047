using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>Memory of a GPU. Freeing waits for the device, so it is done only when memory is short or the device closes.</summary>
unsafe sealed class CudaMemorySource(CudaContext context, CudaStream stream) : IMemorySource
{
    public bool TryAllocate(long bytes, out nint pointer)
    {
        context.MakeCurrent();
        ulong address = 0;
        CudaResult result = context.Api.Call.MemAlloc(&address, (nuint)bytes);
        pointer = (nint)address;
        if (result == CudaResult.OutOfMemory)
            return false;
        context.Api.Check(result, nameof(context.Api.Call.MemAlloc));
        return true;
    }

    public void Free(nint pointer)
    {
        context.MakeCurrent();
        CudaResult result = context.Api.Call.MemFree((ulong)pointer);
        // A lost device has lost its memory too.
        if (!CudaErrors.IsSticky(result))
            context.Api.Check(result, nameof(context.Api.Call.MemFree));
    }

    public void Fill(nint pointer, long bytes, byte value) => stream.FillBytes(new((ulong)pointer), value, bytes);

    public string Room
    {
        get
        {
            var (free, total) = context.MemoryInfo;
            return $", {CachingAllocator.Mebibytes(free)} of the device's {CachingAllocator.Mebibytes(total)} are free";
        }
    }
}
