using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>cuDNN's entry points for handles and descriptors.</summary>
static unsafe class CudnnEntries
{
    [UnmanagedCallersOnly]
    public static CudnnStatus Create(nint* handle) => SimulatedCudnn.Entry.Run(context =>
    {
        SimulatedCudnn.NotNull(handle, "handle");
        *handle = context.Register(new CudnnHandle(context));
    });

    [UnmanagedCallersOnly]
    public static CudnnStatus Destroy(nint handle) =>
        SimulatedCudnn.Entry.Run(context => context.Unregister(handle, Handle(context, handle)));

    [UnmanagedCallersOnly]
    public static CudnnStatus SetStream(nint handle, nint stream) => SimulatedCudnn.Entry.Run(context =>
    {
        CudnnHandle found = Handle(context, handle);
        Entry.Stream(context, stream);
        found.Stream = stream;
    });

    [UnmanagedCallersOnly]
    public static CudnnStatus CreateTensorDescriptor(nint* tensor) => Make<TensorDescriptor>(tensor);

    [UnmanagedCallersOnly]
    public static CudnnStatus DestroyTensorDescriptor(nint tensor) => Destroy<TensorDescriptor>(tensor);

    [UnmanagedCallersOnly]
    public static CudnnStatus SetTensor4dDescriptor(nint tensor, CudnnTensorFormat format, CudnnDataType type, int n, int c, int h,
        int w) =>
        SimulatedCudnn.Entry.Free(() => Descriptor<TensorDescriptor>(tensor).Content = Sizes(type, format, n, c, h, w));

    [UnmanagedCallersOnly]
    public static CudnnStatus CreateFilterDescriptor(nint* filter) => Make<FilterDescriptor>(filter);

    [UnmanagedCallersOnly]
    public static CudnnStatus DestroyFilterDescriptor(nint filter) => Destroy<FilterDescriptor>(filter);

    [UnmanagedCallersOnly]
    public static CudnnStatus SetFilter4dDescriptor(nint filter, CudnnDataType type, CudnnTensorFormat format, int k, int c, int h,
        int w) =>
        SimulatedCudnn.Entry.Free(() => Descriptor<FilterDescriptor>(filter).Content = Sizes(type, format, k, c, h, w));

    [UnmanagedCallersOnly]
    public static CudnnStatus CreateConvolutionDescriptor(nint* convolution) => Make<ConvolutionDescriptor>(convolution);

    [UnmanagedCallersOnly]
    public static CudnnStatus DestroyConvolutionDescriptor(nint convolution) => Destroy<ConvolutionDescriptor>(convolution);

    [UnmanagedCallersOnly]
    public static CudnnStatus SetConvolution2dDescriptor(nint convolution, int paddingHeight, int paddingWidth, int strideHeight,
        int strideWidth,
        int dilationHeight, int dilationWidth, CudnnConvolutionMode mode, CudnnDataType computeType) => SimulatedCudnn.Entry.Free(() =>
    {
        ConvolutionDescriptor found = Descriptor<ConvolutionDescriptor>(convolution);
        if (Math.Min(paddingHeight, paddingWidth) < 0 || Math.Min(strideHeight, strideWidth) < 1
            || Math.Min(dilationHeight, dilationWidth) < 1)
            throw SimulatedCudnn.Refuse(CudnnStatus.BadParam,
                $"padding ({paddingHeight}, {paddingWidth}) is at least 0, stride ({strideHeight}, {strideWidth}) and dilation "
                + $"({dilationHeight}, {dilationWidth}) at least 1");
        Known(mode);
        Known(computeType);
        found.Content = new(paddingHeight, paddingWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, mode, computeType);
    });

    [UnmanagedCallersOnly]
    public static CudnnStatus SetConvolutionMathType(nint convolution, CudnnMathType mathType) => SimulatedCudnn.Entry.Free(() =>
    {
        ConvolutionDescriptor found = Descriptor<ConvolutionDescriptor>(convolution);
        Known(mathType);
        found.MathType = mathType;
    });

    [UnmanagedCallersOnly]
    public static CudnnStatus SetConvolutionGroupCount(nint convolution, int groups) => SimulatedCudnn.Entry.Free(() =>
    {
        ConvolutionDescriptor found = Descriptor<ConvolutionDescriptor>(convolution);
        found.Groups = groups > 0 ? groups : throw SimulatedCudnn.Refuse(CudnnStatus.BadParam, $"there cannot be {groups} groups");
    });

    /// <summary>The handle of a call.</summary>
    public static CudnnHandle Handle(SimulatedContext context, nint handle) => LibraryEntry<CudnnStatus>.Handle<CudnnHandle>(
        context, handle, CudaLibrary.Cudnn, unknown: CudnnStatus.NotInitialized, foreign: CudnnStatus.BadParam);

    /// <summary>The descriptor behind a pointer.</summary>
    public static T Descriptor<T>(nint descriptor) where T : class => descriptor == 0
        ? throw SimulatedCudnn.Refuse(CudnnStatus.BadParamNullPointer, $"a {typeof(T).Name} is null")
        : LibraryEntry<CudnnStatus>.Object<T>(descriptor, typeof(T).Name, CudnnStatus.BadParam);

    /// <summary>What was set in a descriptor.</summary>
    public static TContent Content<TDescriptor, TContent>(nint descriptor) where TDescriptor : CudnnDescriptor<TContent>
        where TContent : struct =>
        Descriptor<TDescriptor>(descriptor).Content
        ?? throw SimulatedCudnn.Refuse(CudnnStatus.BadParam, $"a {typeof(TDescriptor).Name} was created and never set");

    static CudnnStatus Make<T>(nint* place, [CallerMemberName] string call = "") where T : class, new() => SimulatedCudnn.Entry.Free(() =>
    {
        SimulatedCudnn.NotNull(place, "the descriptor's place");
        *place = Handles.Add(new T());
    }, call);

    static CudnnStatus Destroy<T>(nint descriptor, [CallerMemberName] string call = "") where T : class => SimulatedCudnn.Entry.Free(() =>
    {
        Descriptor<T>(descriptor);
        Handles.Remove(descriptor);
    }, call);

    static FourDimensions Sizes(CudnnDataType type, CudnnTensorFormat format, int n, int c, int h, int w)
    {
        Known(type);
        Known(format);
        FourDimensions sizes = new(type, format, n, c, h, w);
        if (Math.Min(Math.Min(n, c), Math.Min(h, w)) < 1)
            throw SimulatedCudnn.Refuse(CudnnStatus.BadParam, $"sizes {sizes} must be positive");
        return (Int128)n * c * h * w <= int.MaxValue ? sizes
            : throw SimulatedCudnn.Refuse(CudnnStatus.NotSupported, $"a tensor of sizes {sizes} has more than {int.MaxValue} elements");
    }

    static void Known<T>(T value) where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
            throw SimulatedCudnn.Refuse(CudnnStatus.BadParam, $"{value} is no {typeof(T).Name}");
    }
}
