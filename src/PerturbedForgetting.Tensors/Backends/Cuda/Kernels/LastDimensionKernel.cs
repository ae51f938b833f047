using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A kernel of one row a block, in four forms: NAME, and NAME_few with 32 threads for few columns; with _odd behind it for
/// columns that are not divisible by 4.</summary>
sealed class LastDimensionKernel(KernelLibrary library, string name, int threads)
{
    /// <summary>Shared memory of a block that needs no permission.</summary>
    public const int SharedOfEveryDevice = 48 * 1024;

    const int FewColumns = 256, FewThreads = 32;

    readonly CudaKernel many = library.Get(name), manyOdd = library.Get(name + "_odd"), few = library.Get(name + "_few"), fewOdd = library.Get(name + "_few_odd");
    int allowed = SharedOfEveryDevice;

    /// <summary>Puts a row a block on the stream.</summary>
    public void Launch(CudaStream stream, long rows, int columns, int sharedBytes, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (sharedBytes > allowed)
        {
            many.AllowDynamicShared(sharedBytes);
            manyOdd.AllowDynamicShared(sharedBytes);
            allowed = sharedBytes;
        }
        bool isFew = columns <= FewColumns, isOdd = columns % 4 != 0;
        CudaKernel kernel = isFew ? isOdd ? fewOdd : few : isOdd ? manyOdd : many;
        kernel.Launch(stream, checked((int)rows), isFew ? FewThreads : threads, sharedBytes, arguments);
    }
}
