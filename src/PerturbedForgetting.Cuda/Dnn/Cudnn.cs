namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>cuDNN in a context: convolutions of float32 tensors in NHWC order. One thread at a time.</summary>
public sealed unsafe class Cudnn : IDisposable
{
    /// <summary>Bytes of workspace that an algorithm may need, unless told otherwise.</summary>
    public const long DefaultWorkspaceLimit = 1L << 30;

    readonly Dictionary<(ConvolutionShape Shape, bool Tf32, bool Deterministic), ConvolutionPlan?> plans = [];
    readonly nint handle;
    readonly long workspaceLimit;
    nint stream;
    bool isDisposed;

    /// <summary>Starts cuDNN on a device; its work goes to the default stream until <see cref="SetStream"/> names another.</summary>
    /// <param name="context">The device's context.</param>
    /// <param name="api">The library; ask <see cref="CudnnApi.Problem"/> first.</param>
    /// <param name="workspaceLimit">Algorithms that need more bytes of workspace are not chosen.</param>
    /// <exception cref="CudaLibraryException">cuDNN cannot start.</exception>
    public Cudnn(CudaContext context, CudnnApi api, long workspaceLimit = DefaultWorkspaceLimit)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(workspaceLimit);
        (Context, Api, this.workspaceLimit) = (context, api, workspaceLimit);
        context.MakeCurrent();
        nint made;
        api.Check(api.Create(&made));
        handle = made;
    }

    /// <summary>The device's context.</summary>
    public CudaContext Context { get; }

    /// <summary>The library.</summary>
    public CudnnApi Api { get; }

    /// <summary>The library's handle (<c>cudnnHandle_t</c>).</summary>
    public nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            return handle;
        }
    }

    /// <summary>From now on convolutions go to this stream; costs nothing when they do.</summary>
    /// <exception cref="CudaLibraryException">cuDNN refuses the stream.</exception>
    public void SetStream(CudaStream stream)
    {
        Use();
        if (this.stream == stream.Handle)
            return;
        Api.Check(Api.SetStream(handle, stream.Handle));
        this.stream = stream.Handle;
    }

    /// <summary>How a convolution is done; found once for each shape and kept.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="tf32">Whether factors may be rounded to TF32, for the matrix units.</param>
    /// <param name="deterministic">Whether only algorithms may be chosen that give the same bits in every run.</param>
    /// <returns>The plan, which belongs to this object; null when cuDNN has no such algorithm for a direction.</returns>
    /// <exception cref="ArgumentException">The shape is no convolution.</exception>
    /// <exception cref="CudaLibraryException">cuDNN failed.</exception>
    public ConvolutionPlan? Plan(in ConvolutionShape shape, bool tf32, bool deterministic)
    {
        Use();
        if (plans.TryGetValue((shape, tf32, deterministic), out ConvolutionPlan? plan))
            return plan;
        if (!shape.IsValid)
            throw new ArgumentException($"No convolution: {shape}. Sizes, strides, dilations and groups are at least 1, groups divide the channels and the filters, and the filter fits into the padded image.", nameof(shape));
        plan = ConvolutionPlan.Create(this, shape, tf32, deterministic, workspaceLimit);
        plans.Add((shape, tf32, deterministic), plan);
        return plan;
    }

    /// <summary>Shapes that were planned.</summary>
    public int PlanCount => plans.Count;

    /// <summary>Makes the context current, and checks that this was not given back.</summary>
    internal void Use()
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        Context.MakeCurrent();
    }

    /// <summary>Gives the plans and the handle back. Quiet when the context is dead: the fault that killed it was reported where it happened.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        if (Context.IsDisposed)
            return;
        Context.MakeCurrent();
        foreach (ConvolutionPlan? plan in plans.Values)
            plan?.Release();
        Api.Destroy(handle);
    }
}
