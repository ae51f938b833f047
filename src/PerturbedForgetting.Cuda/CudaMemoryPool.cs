using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>A device's pool of memory for stream-ordered allocation; the device owns it.</summary>
public sealed unsafe class CudaMemoryPool
{
    readonly CudaContext context;
    readonly nint handle;

    internal CudaMemoryPool(CudaContext context, nint handle) => (this.context, this.handle) = (context, handle);

    /// <summary>Bytes that the pool keeps when a stream synchronises; 0 unless set.</summary>
    public ulong ReleaseThreshold
    {
        get => Get(CudaMemoryPoolAttribute.ReleaseThreshold);
        set
        {
            context.MakeCurrent();
            context.Api.Check(context.Api.Call.MemPoolSetAttribute(handle, CudaMemoryPoolAttribute.ReleaseThreshold, &value));
        }
    }

    /// <summary>Bytes taken from the device.</summary>
    public ulong Reserved => Get(CudaMemoryPoolAttribute.ReservedCurrent);

    /// <summary>Bytes handed out.</summary>
    public ulong Used => Get(CudaMemoryPoolAttribute.UsedCurrent);

    /// <summary>Gives unused memory back to the device, down to a number of reserved bytes.</summary>
    public void TrimTo(long bytes)
    {
        context.MakeCurrent();
        context.Api.Check(context.Api.Call.MemPoolTrimTo(handle, (nuint)bytes));
    }

    ulong Get(CudaMemoryPoolAttribute attribute)
    {
        context.MakeCurrent();
        ulong value = 0;
        context.Api.Check(context.Api.Call.MemPoolGetAttribute(handle, attribute, &value));
        return value;
    }
}
