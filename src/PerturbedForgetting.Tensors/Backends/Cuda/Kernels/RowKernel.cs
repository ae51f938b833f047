using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A loss kernel of one sample a block, in its two sizes: NAME_few with 32 threads and NAME with 256;
/// kernels/loss/row.cuh.</summary>
/// <param name="library">The kernels.</param>
/// <param name="name">Name of the larger size.</param>
/// <param name="keepsRow">Whether a block keeps its sample's logits in dynamic shared memory.</param>
sealed class RowKernel(KernelLibrary library, string name, bool keepsRow)
{
    /// <summary>Most classes of a block of one warp.</summary>
    public const int FewClasses = 256;

    const int FewThreads = 32, ManyThreads = 256;

    readonly CudaKernel few = library.Get(name + "_few");
    readonly LargeSharedKernel many = new(library, name);

    /// <summary>One block a sample.</summary>
    /// <exception cref="ArgumentException">A row does not fit into the device's shared memory.</exception>
    public void Launch(CudaStream stream, long samples, int classes, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (samples == 0)
            return;
        int bytes = keepsRow ? many.RowBytes(classes, sizeof(float)) : 0, blocks = LaunchGrid.Rows(many.Kernel.Name, samples, classes);
        if (classes <= FewClasses)
            few.Launch(stream, blocks, FewThreads, bytes, arguments);
        else
            many.Kernel.Launch(stream, blocks, ManyThreads, bytes, arguments);
    }
}
