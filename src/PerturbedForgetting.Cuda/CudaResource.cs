using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>
/// Something that the driver made and that must be given back: a module, stream, event, graph or piece of memory. It is given back
/// once, by <see cref="Dispose"/>; there is no finalizer, because the garbage collector's thread has no context and may run after
/// the driver has shut down. Using it afterwards throws.
/// </summary>
public abstract class CudaResource : IDisposable
{
    int isDisposed;

    /// <summary>Belongs to a context.</summary>
    protected CudaResource(CudaContext context) => Context = context;

    /// <summary>The context it belongs to.</summary>
    public CudaContext Context { get; }

    /// <summary>The driver behind it.</summary>
    protected CudaDriverApi Api => Context.Api;

    /// <summary>Whether it was given back.</summary>
    public bool IsDisposed => Volatile.Read(ref isDisposed) != 0;

    /// <summary>Makes its context current on this thread, and checks that it was not given back.</summary>
    protected void Use()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        Context.MakeCurrent();
    }

    /// <summary>Gives it back to the driver.</summary>
    protected abstract CudaResult Release();

    /// <summary>Gives it back; a second call does nothing. Quiet when the context is dead already: the fault that killed it was
    /// reported where it happened.</summary>
    /// <exception cref="CudaException">The driver refuses it.</exception>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
            return;
        GC.SuppressFinalize(this);
        if (Context.IsDisposed)
            return;
        Context.MakeCurrent();
        CudaResult result = Release();
        if (!CudaErrors.IsSticky(result) && result is not (CudaResult.Deinitialized or CudaResult.ContextIsDestroyed))
            Api.Check(result, GetType().Name + ".Dispose");
    }
}
