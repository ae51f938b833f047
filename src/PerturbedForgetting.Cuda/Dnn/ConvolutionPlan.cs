namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>The three directions of a convolution of one shape through cuDNN, each by itself: descriptors made and algorithms chosen once.
/// Where one fails when it is put on the stream, the next of its direction takes its place. Tensors are
/// NHWC, filters O,kh,kw,I (of one group), all float32, dense, at addresses that are multiples of 16. <see cref="Cudnn.Plan"/> makes and
/// owns it.</summary>
public sealed unsafe class ConvolutionPlan
{
    /// <summary>What profiles call its directions.</summary>
    public const string ForwardName = "cudnn convolution forward", BackwardDataName = "cudnn convolution backward data",
        BackwardFilterName = "cudnn convolution backward filter";

    readonly Cudnn cudnn;
    readonly ConvolutionDescriptors descriptors;
    readonly ConvolutionPass forward, backwardData, backwardFilter;

    ConvolutionPlan(Cudnn cudnn, ConvolutionDescriptors descriptors, in ConvolutionShape shape)
    {
        (this.cudnn, this.descriptors, Shape) = (cudnn, descriptors, shape);
        CudnnApi api = cudnn.Library;
        nint x = descriptors.Tensor(shape.Height, shape.Width, shape.Channels);
        nint y = descriptors.Tensor(shape.OutputHeight, shape.OutputWidth, shape.Filters);
        nint w = descriptors.Filter();
        forward = new(cudnn, descriptors.Convolution(), x, w, y)
        {
            Heuristics = api.Call.GetConvolutionForwardAlgorithm,
            WorkspaceSize = api.Call.GetConvolutionForwardWorkspaceSize,
            Convolve = api.Call.ConvolutionForward,
            Call = nameof(api.Call.ConvolutionForward),
            Title = ForwardName,
        };
        backwardData = new(cudnn, descriptors.Convolution(), w, y, x)
        {
            Heuristics = api.Call.GetConvolutionBackwardDataAlgorithm,
            WorkspaceSize = api.Call.GetConvolutionBackwardDataWorkspaceSize,
            Convolve = api.Call.ConvolutionBackwardData,
            Call = nameof(api.Call.ConvolutionBackwardData),
            Title = BackwardDataName,
        };
        backwardFilter = new(cudnn, descriptors.Convolution(), x, y, w)
        {
            Heuristics = api.Call.GetConvolutionBackwardFilterAlgorithm,
            WorkspaceSize = api.Call.GetConvolutionBackwardFilterWorkspaceSize,
            Convolve = api.Call.ConvolutionBackwardFilter,
            Call = nameof(api.Call.ConvolutionBackwardFilter),
            Title = BackwardFilterName,
        };
    }

    /// <summary>The convolution.</summary>
    public ConvolutionShape Shape { get; }

    /// <summary>Whether cuDNN has an algorithm for a direction, or one left.</summary>
    public bool Has(ConvolutionDirection direction) => Pass(direction).HasAlgorithm;

    /// <summary>How a direction is computed that it <see cref="Has"/>.</summary>
    public ConvolutionAlgorithm AlgorithmOf(ConvolutionDirection direction) => Pass(direction).Algorithm;

    /// <summary>Whether cuDNN has taken the direction's algorithm before.</summary>
    public bool IsProven(ConvolutionDirection direction) => Pass(direction).IsProven;

    /// <summary>From now on the direction is computed by the next of its algorithms, if there is one.</summary>
    public void TakeNext(ConvolutionDirection direction)
    {
        cudnn.Begin();
        Pass(direction).TakeNext();
    }

    /// <summary>Computes a direction, on the handle's stream: y = x ∗ w (<paramref name="first"/> x, <paramref name="second"/> w); dx (w,
    /// dy); dw (x, dy).</summary>
    /// <param name="direction">One that it <see cref="Has"/>.</param>
    /// <param name="first">First operand.</param>
    /// <param name="second">Second operand.</param>
    /// <param name="result">Output.</param>
    /// <param name="workspace">Memory that nothing on another stream uses meanwhile; null where none is needed.</param>
    /// <param name="workspaceBytes">Its size; at least what the algorithm of the direction needs.</param>
    /// <param name="accumulate">Whether to add to what is there.</param>
    /// <exception cref="CudaLibraryException">cuDNN refuses it; <see cref="Cudnn.CanDoWithout(CudaLibraryException, bool)"/> tells what
    /// for.</exception>
    public void Run(ConvolutionDirection direction, DevicePointer first, DevicePointer second, DevicePointer result,
        DevicePointer workspace, long workspaceBytes, bool accumulate = false)
    {
        cudnn.Begin();
        ConvolutionPass pass = Pass(direction);
        CudaStream stream = cudnn.Stream;
        long all = Shape.InputCount + Shape.FilterCount + Shape.OutputCount;
        long made = direction switch
        {
            ConvolutionDirection.Forward => Shape.OutputCount,
            ConvolutionDirection.BackwardData => Shape.InputCount,
            _ => Shape.FilterCount,
        };
        stream.Moving(sizeof(float) * (accumulate ? all : all - made), sizeof(float) * made, Shape.FloatingPointOperations)
            .Observer?.Launching(stream, pass.Title);
        try
        {
            pass.Run(first, second, result, workspace, workspaceBytes, accumulate);
        }
        finally
        {
            stream.Observer?.Launched(stream, pass.Title);
        }
    }

    /// <summary>The plan of a shape; it may lack any of the directions.</summary>
    internal static ConvolutionPlan Create(Cudnn cudnn, in ConvolutionShape shape, bool tf32, bool deterministic, long workspaceLimit)
    {
        ConvolutionDescriptors descriptors = new(cudnn.Library, shape);
        try
        {
            ConvolutionPlan plan = new(cudnn, descriptors, shape);
            foreach (ConvolutionDirection direction in Enum.GetValues<ConvolutionDirection>())
                plan.Pass(direction).Choose(tf32, deterministic, workspaceLimit);
            return plan;
        }
        catch
        {
            descriptors.Dispose();
            throw;
        }
    }

    /// <summary>Gives the descriptors back.</summary>
    internal void Release() => descriptors.Dispose();

    ConvolutionPass Pass(ConvolutionDirection direction) => direction switch
    {
        ConvolutionDirection.Forward => forward,
        ConvolutionDirection.BackwardData => backwardData,
        _ => backwardFilter,
    };
}
