using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A kernel with a grid-stride loop in two forms: NAME does 4 elements a thread, NAME_odd one, where the innermost extent is not
/// divisible by 4 or a tensor is a view that begins elsewhere.</summary>
sealed class WideKernel(KernelLibrary library, string name)
{
    const int Threads = 256;

    CudaKernel Wide => field ??= library.Get(name);

    CudaKernel Odd => field ??= library.Get(name + "_odd");

    /// <summary>Puts the form that fits on the stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="innermost">Extent that a vector of 4 elements must not cross.</param>
    /// <param name="arguments">Those of the kernel.</param>
    public void Launch(CudaStream stream, long count, int innermost, params ReadOnlySpan<KernelArgument> arguments)
    {
        bool isOdd = !VectorAccess.Fits(innermost, arguments);
        (isOdd ? Odd : Wide).Launch(stream, LaunchGrid.Blocks(count, isOdd ? Threads : 4 * Threads), Threads, 0, arguments);
    }
}
