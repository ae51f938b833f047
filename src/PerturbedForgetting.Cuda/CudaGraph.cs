using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>Recorded work and its order.</summary>
public sealed unsafe class CudaGraph : CudaHandle
{
    internal CudaGraph(CudaContext context, nint handle) : base(context, handle)
    {
    }

    /// <summary>Number of recorded operations.</summary>
    public int NodeCount
    {
        get
        {
            Use();
            nuint count;
            Api.Check(Api.Call.GraphGetNodes(handle, null, &count));
            return (int)count;
        }
    }

    /// <summary>Makes it ready to be launched.</summary>
    public CudaGraphExecutable Instantiate()
    {
        Use();
        nint executable;
        Api.Check(Api.Call.GraphInstantiate(&executable, handle, 0));
        return new CudaGraphExecutable(Context, executable);
    }

    /// <inheritdoc/>
    protected override CudaResult Release() => Api.Call.GraphDestroy(handle);
}

/// <summary>A graph that is ready to be launched, again and again.</summary>
public sealed unsafe class CudaGraphExecutable : CudaHandle
{
    internal CudaGraphExecutable(CudaContext context, nint handle) : base(context, handle)
    {
    }

    /// <summary>Puts the whole graph on a stream.</summary>
    public void Launch(CudaStream stream)
    {
        const string name = "graph";
        Use();
        stream.Observer?.Launching(stream, name);
        Api.Check(Api.Call.GraphLaunch(handle, stream.Handle));
        stream.Observer?.Launched(stream, name);
    }

    /// <inheritdoc/>
    protected override CudaResult Release() => Api.Call.GraphExecDestroy(handle);
}
