using System.Diagnostics;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Profiling;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>All that a GPU device is made of: context, kernels, the stream that computes, memory, backend.</summary>
sealed class CudaWorkplace : IDisposable
{
    readonly UploadRing uploads;
    readonly IDisposable? owned;
    readonly NvtxRanges? ranges;
    volatile string? interruption;
    long waitingSince;

    public CudaWorkplace(CudaDevice gpu, CudaLibraries libraries, DeviceOptions options, IDisposable? owned)
    {
        this.owned = owned;
        Libraries = libraries;
        CudaRequirements.Check(gpu);
        libraries.Check(gpu);
        Context = gpu.RetainPrimaryContext();
        try
        {
            Kernels = new KernelLibrary(Context);
            Stream = Context.CreateStream();
            Allocator = new CachingAllocator(new CudaMemorySource(Context, Stream));
            uploads = new UploadRing(Context, Stream);
            Backend = new CudaBackend(this, uploads, libraries, options);
            if (libraries.Nvtx.IsSupported)
                Ranges.Add(ranges = new NvtxRanges(libraries.Nvtx));
        }
        catch
        {
            Context.Dispose();
            throw;
        }
    }

    public CudaContext Context { get; }

    public CudaLibraries Libraries { get; }

    public KernelLibrary Kernels { get; }

    /// <summary>Where everything computes.</summary>
    public CudaStream Stream { get; }

    public CachingAllocator Allocator { get; }

    public CudaBackend Backend { get; }

    public IReadOnlyList<string> Notes => Backend.Notes;

    /// <summary>Whether work is being recorded, so that nothing may wait or be uploaded.</summary>
    public bool IsCapturing => Recording is not null;

    /// <summary>The launches that what is being recorded will have; null while nothing is.</summary>
    public GraphLaunches? Recording { get; private set; }

    /// <summary>Streams that other GPUs are waited for on, beside the computation.</summary>
    public List<CudaStream> Communications { get; } = [];

    /// <summary>Why what is computed is not to be trusted: work in the midst of it was ended. Null while it is. Any thread.</summary>
    public string? Interruption
    {
        get => interruption;
        set => interruption = value;
    }

    /// <summary>Called, on the host's thread, when everything that was started is done.</summary>
    public event Action? Idle;

    /// <summary>How long the host has been waiting for the device. Any thread.</summary>
    public TimeSpan Waiting => Volatile.Read(ref waitingSince) is not 0 and var since ? Stopwatch.GetElapsedTime(since) : TimeSpan.Zero;

    /// <summary>Waits until everything that was started is done.</summary>
    /// <exception cref="CommunicationException">Some of it was ended because a member of the group is gone.</exception>
    public void Synchronize()
    {
        Volatile.Write(ref waitingSince, Stopwatch.GetTimestamp());
        try
        {
            Stream.Synchronize();
        }
        catch (CudaException) when (interruption is not null)
        {
            // The cause is said below.
        }
        finally
        {
            Volatile.Write(ref waitingSince, 0);
        }
        if (interruption is { } reason)
            throw new CommunicationException(reason);
        Idle?.Invoke();
    }

    public DeviceGraph Capture(Action work)
    {
        Stream.BeginCapture();
        GraphLaunches launches = Recording = new GraphLaunches();
        try
        {
            work();
        }
        catch
        {
            Recording = null;
            Abandon();
            throw;
        }
        Recording = null;
        using CudaGraph graph = Stream.EndCapture();
        return new DeviceGraph(graph.Instantiate(), Stream, launches);
    }

    // What made the work fail is worth more than that the recording is broken now.
    void Abandon()
    {
        try
        {
            Stream.EndCapture().Dispose();
        }
        catch (CudaException)
        {
        }
    }

    public void Dispose()
    {
        if (ranges is not null)
            Ranges.Remove(ranges);
        try
        {
            Stream.Synchronize();
        }
        catch (CudaException)
        {
            // The device is lost; whoever waited for it has been told.
        }
        Backend.Dispose();
        uploads.Dispose();
        Allocator.Trim();
        Stream.Dispose();
        Kernels.Dispose();
        Context.Dispose();
        owned?.Dispose();
    }
}
