namespace PerturbedForgetting.Cuda.Dnn;

/// <summary>cuDNN's descriptions of a convolution and its operands: NHWC, float32. Gives back all that it made.</summary>
sealed unsafe class ConvolutionDescriptors(CudnnApi api, ConvolutionShape shape) : IDisposable
{
    readonly List<nint> tensors = [], filters = [], convolutions = [];

    /// <summary>An array of images with so many channels.</summary>
    public nint Tensor(int height, int width, int channels)
    {
        nint tensor;
        api.Check(api.Call.CreateTensorDescriptor(&tensor));
        tensors.Add(tensor);
        api.Check(api.Call.SetTensor4dDescriptor(tensor, CudnnTensorFormat.Nhwc, CudnnDataType.Float, shape.N, channels, height, width));
        return tensor;
    }

    /// <summary>The filters: O,kh,kw,I in memory.</summary>
    public nint Filter()
    {
        nint filter;
        api.Check(api.Call.CreateFilterDescriptor(&filter));
        filters.Add(filter);
        api.Check(api.Call.SetFilter4dDescriptor(filter, CudnnDataType.Float, CudnnTensorFormat.Nhwc,
            shape.Filters, shape.GroupChannels, shape.KernelHeight, shape.KernelWidth));
        return filter;
    }

    /// <summary>How the filters move over the images; a new one each time, because it carries the math type of a direction.</summary>
    public nint Convolution()
    {
        nint convolution;
        api.Check(api.Call.CreateConvolutionDescriptor(&convolution));
        convolutions.Add(convolution);
        api.Check(api.Call.SetConvolution2dDescriptor(convolution,
            shape.PaddingHeight, shape.PaddingWidth, shape.StrideHeight, shape.StrideWidth, shape.DilationHeight, shape.DilationWidth,
            CudnnConvolutionMode.CrossCorrelation, CudnnDataType.Float));
        api.Check(api.Call.SetConvolutionGroupCount(convolution, shape.Groups));
        return convolution;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint tensor in tensors)
            api.Call.DestroyTensorDescriptor(tensor);
        foreach (nint filter in filters)
            api.Call.DestroyFilterDescriptor(filter);
        foreach (nint convolution in convolutions)
            api.Call.DestroyConvolutionDescriptor(convolution);
    }
}
