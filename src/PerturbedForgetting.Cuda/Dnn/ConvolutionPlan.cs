namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>The three directions of a convolution of one shape through cuDNN: descriptors made and algorithms chosen once. Tensors are
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

    /// <summary>How y is computed.</summary>
    public ConvolutionAlgorithm ForwardAlgorithm => forward.Algorithm;

    /// <summary>How the gradient of x is computed.</summary>
    public ConvolutionAlgorithm BackwardDataAlgorithm => backwardData.Algorithm;

    /// <summary>How the gradient of the filters is computed.</summary>
    public ConvolutionAlgorithm BackwardFilterAlgorithm => backwardFilter.Algorithm;

    /// <summary>y = x ∗ w, or y += with <paramref name="accumulate"/>, on the handle's stream.</summary>
    /// <param name="x">Input.</param>
    /// <param name="w">Filters.</param>
    /// <param name="y">Output.</param>
    /// <param name="workspace">Memory that nothing on another stream uses meanwhile; null where none is needed.</param>
    /// <param name="workspaceBytes">Its size; at least what the algorithm of the direction needs.</param>
    /// <param name="accumulate">Whether to add to what is there.</param>
    /// <exception cref="CudaLibraryException">cuDNN refuses it.</exception>
    public void Forward(DevicePointer x, DevicePointer w, DevicePointer y, DevicePointer workspace, long workspaceBytes,
        bool accumulate = false) =>
        Run(forward, x, w, y, workspace, workspaceBytes, accumulate);

    /// <summary>dx = the gradient of x, or dx += with <paramref name="accumulate"/>, on the handle's stream.</summary>
    /// <param name="w">Filters.</param>
    /// <param name="dy">Gradient of the output.</param>
    /// <param name="dx">Gradient of the input.</param>
    /// <inheritdoc cref="Forward" path="/param[starts-with(@name, 'work') or @name='accumulate']|/exception"/>
    public void BackwardData(DevicePointer w, DevicePointer dy, DevicePointer dx, DevicePointer workspace, long workspaceBytes,
        bool accumulate = false) =>
        Run(backwardData, w, dy, dx, workspace, workspaceBytes, accumulate);

    /// <summary>dw = the gradient of the filters, or dw += with <paramref name="accumulate"/>, on the handle's stream.</summary>
    /// <param name="x">Input.</param>
    /// <param name="dy">Gradient of the output.</param>
    /// <param name="dw">Gradient of the filters.</param>
    /// <inheritdoc cref="Forward" path="/param[starts-with(@name, 'work') or @name='accumulate']|/exception"/>
    public void BackwardFilter(DevicePointer x, DevicePointer dy, DevicePointer dw, DevicePointer workspace, long workspaceBytes,
        bool accumulate = false) =>
        Run(backwardFilter, x, dy, dw, workspace, workspaceBytes, accumulate);

    /// <summary>The plan of a shape; null when cuDNN has no algorithm for one of its directions.</summary>
    internal static ConvolutionPlan? Create(Cudnn cudnn, in ConvolutionShape shape, bool tf32, bool deterministic, long workspaceLimit)
    {
        ConvolutionDescriptors descriptors = new(cudnn.Library, shape);
        ConvolutionPlan? complete = null;
        try
        {
            ConvolutionPlan plan = new(cudnn, descriptors, shape);
            if (plan.forward.Choose(tf32, deterministic, workspaceLimit)
                && plan.backwardData.Choose(tf32, deterministic, workspaceLimit)
                && plan.backwardFilter.Choose(tf32, deterministic, workspaceLimit))
                complete = plan;
            return complete;
        }
        finally
        {
            if (complete is null)
                descriptors.Dispose();
        }
    }

    /// <summary>Gives the descriptors back.</summary>
    internal void Release() => descriptors.Dispose();

    void Run(ConvolutionPass pass, DevicePointer a, DevicePointer b, DevicePointer result, DevicePointer workspace, long workspaceBytes,
        bool accumulate)
    {
        cudnn.Begin();
        CudaStream stream = cudnn.Stream;
        long all = Shape.InputCount + Shape.FilterCount + Shape.OutputCount;
        long made = pass == backwardData ? Shape.InputCount : pass == backwardFilter ? Shape.FilterCount : Shape.OutputCount;
        stream.Moving(sizeof(float) * (accumulate ? all : all - made), sizeof(float) * made, Shape.FloatingPointOperations)
            .Observer?.Launching(stream, pass.Title);
        pass.Run(a, b, result, workspace, workspaceBytes, accumulate);
        stream.Observer?.Launched(stream, pass.Title);
    }
}
