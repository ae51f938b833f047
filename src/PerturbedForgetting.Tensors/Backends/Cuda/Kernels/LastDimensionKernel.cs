using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A kernel of one row a block, in four forms: NAME, and NAME_few with 32 threads for few columns; with _odd behind it for
/// columns that are not divisible by 4, and for views that begin elsewhere.</summary>
sealed class LastDimensionKernel(KernelLibrary library, string name, int threads)
{
    /// <summary>Shared memory of a block that needs no permission.</summary>
    public const int SharedOfEveryDevice = 48 * 1024;

    const int FewColumns = 256, FewThreads = 32;

    static readonly string[] suffixes = ["", "_odd", "_few", "_few_odd"];

    // Each form is loaded when it is needed.
    readonly CudaKernel?[] forms = new CudaKernel?[suffixes.Length];
    readonly int[] allowed = [SharedOfEveryDevice, SharedOfEveryDevice, SharedOfEveryDevice, SharedOfEveryDevice];

    /// <summary>Puts a row a block on the stream.</summary>
    public void Launch(CudaStream stream, long rows, int columns, int sharedBytes, params ReadOnlySpan<KernelArgument> arguments)
    {
        bool isFew = columns <= FewColumns;
        int form = (isFew ? 2 : 0) + (VectorAccess.Fits(columns, arguments) ? 0 : 1);
        CudaKernel kernel = forms[form] ??= library.Get(name + suffixes[form]);
        if (sharedBytes > allowed[form])
            kernel.AllowDynamicShared(allowed[form] = sharedBytes);
        kernel.Launch(stream, checked((int)rows), isFew ? FewThreads : threads, sharedBytes, arguments);
    }
}
