using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>Convolutions of float32 tensors in NHWC order by cuDNN. Belongs to one thread at a time; what it enqueues lies on one
/// stream.</summary>
public sealed unsafe class Cudnn : CudaResource
{
    /// <summary>Bytes of workspace that an algorithm may need, unless told otherwise.</summary>
    public const long DefaultWorkspaceLimit = 1L << 30;

    readonly Dictionary<(ConvolutionShape Shape, bool Tf32, bool Deterministic), ConvolutionPlan> plans = [];
    readonly nint handle;
    readonly long workspaceLimit;

    /// <summary>Starts the library in a context, on the default stream.</summary>
    /// <param name="context">The device's context.</param>
    /// <param name="api">The library.</param>
    /// <param name="workspaceLimit">Algorithms that need more bytes of workspace are not chosen.</param>
    /// <exception cref="CudaLibraryException">The library is absent, of a wrong version, or does not start.</exception>
    public Cudnn(CudaContext context, CudnnApi api, long workspaceLimit = DefaultWorkspaceLimit) : base(context)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(workspaceLimit);
        (Library, Stream, this.workspaceLimit) = (api, context.DefaultStream, workspaceLimit);
        api.RequireUsable(context.Device);
        context.MakeCurrent();
        nint made;
        api.Check(api.Call.Create(&made));
        handle = made;
    }

    /// <summary>The library.</summary>
    public CudnnApi Library { get; }

    /// <summary>The library's handle (<c>cudnnHandle_t</c>).</summary>
    public nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            return handle;
        }
    }

    /// <summary>Where convolutions go.</summary>
    internal CudaStream Stream { get; private set; }

    /// <summary>From now on convolutions go to this stream; costs nothing when they do.</summary>
    /// <exception cref="CudaLibraryException">cuDNN refuses the stream.</exception>
    public void SetStream(CudaStream stream)
    {
        if (Stream == stream)
            return;
        Use();
        Library.Check(Library.Call.SetStream(handle, stream.Handle));
        Stream = stream;
    }

    /// <summary>How a convolution is done; found once for each shape and kept.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="tf32">Whether factors may be rounded to TF32, for the matrix units.</param>
    /// <param name="deterministic">Whether only algorithms may be chosen that give the same bits in every run.</param>
    /// <returns>The plan, which belongs to this object, and which may lack directions for which cuDNN has no such algorithm.</returns>
    /// <exception cref="ArgumentException">The shape is no convolution.</exception>
    /// <exception cref="CudaLibraryException">cuDNN failed.</exception>
    public ConvolutionPlan Plan(in ConvolutionShape shape, bool tf32, bool deterministic)
    {
        Use();
        if (plans.TryGetValue((shape, tf32, deterministic), out ConvolutionPlan? plan))
            return plan;
        if (!shape.IsValid)
            throw new ArgumentException($"No convolution: {shape}. Sizes, strides, dilations and groups are at least 1, groups divide the "
                + $"channels and the filters, and the filter fits into the padded image.", nameof(shape));
        plan = ConvolutionPlan.Create(this, shape, tf32, deterministic, workspaceLimit);
        plans.Add((shape, tf32, deterministic), plan);
        return plan;
    }

    /// <summary>Whether a failure says no more than that cuDNN cannot do it in this way: not one of the caller or of the device, nor one
    /// behind which the result may have been changed in part.</summary>
    /// <param name="failure">Of a convolution.</param>
    /// <param name="mayHaveBegun">Whether it matters that some of the work may have been put on the stream.</param>
    public bool CanDoWithout(CudaLibraryException failure, bool mayHaveBegun) => CanDoWithout((CudnnStatus)failure.Status, mayHaveBegun);

    internal bool CanDoWithout(CudnnStatus status, bool mayHaveBegun) => ((int)status / 1000) switch
    {
        // The category of arguments, that of what is not supported, and those of inner errors and of failed work.
        2 => false,
        3 => true,
        _ => !mayHaveBegun && !Context.IsLost,
    };

    /// <summary>Shapes that were planned.</summary>
    public int PlanCount => plans.Count;

    /// <summary>Makes the context current, and checks that this was not given back.</summary>
    internal void Begin() => Use();

    /// <inheritdoc/>
    protected override CudaResult Release()
    {
        foreach (ConvolutionPlan plan in plans.Values)
            plan.Release();
        // A library whose context is lost cannot be ended in order; the fault was reported where it happened.
        Library.Call.Destroy(handle);
        return CudaResult.Success;
    }
}
