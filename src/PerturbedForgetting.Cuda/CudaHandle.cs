namespace PerturbedForgetting.Cuda;

/// <summary>Something of the driver's that has a handle: a stream, event, graph.</summary>
public abstract class CudaHandle : CudaResource
{
    private protected readonly nint handle;

    private protected CudaHandle(CudaContext context, nint handle) : base(context) => this.handle = handle;

    /// <summary>The driver's handle; that of the default stream is 0.</summary>
    public nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return handle;
        }
    }
}
