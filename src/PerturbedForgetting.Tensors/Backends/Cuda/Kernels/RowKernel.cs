using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A loss kernel in its two sizes: NAME with one sample a block and NAME_few with one a warp; kernels/loss/row.cuh.</summary>
/// <param name="library">The kernels.</param>
/// <param name="name">Name of the larger size.</param>
/// <param name="keepsRow">Whether a block of many classes keeps its sample's logits in dynamic shared memory.</param>
sealed class RowKernel(KernelLibrary library, string name, bool keepsRow)
{
    /// <summary>Most classes of a sample of one warp.</summary>
    public const int FewClasses = 256;

    const int ManyThreads = 256;

    readonly CudaKernel few = library.Get(name + "_few");
    readonly LargeSharedKernel many = new(library, name);

    /// <summary>Puts samples on the stream.</summary>
    /// <exception cref="ArgumentException">A row does not fit into the device's shared memory.</exception>
    public void Launch(CudaStream stream, long samples, int classes, params ReadOnlySpan<KernelArgument> arguments)
    {
        if (samples == 0)
            return;
        int bytes = keepsRow ? many.RowBytes(classes, sizeof(float)) : 0;
        if (classes <= FewClasses)
            few.Launch(stream, LaunchGrid.Rows(many.Kernel.Name, LaunchGrid.Tiles(samples, LastDimensionKernel.FewRows), classes),
                LastDimensionKernel.FewThreads, 0, arguments);
        else
            many.Kernel.Launch(stream, LaunchGrid.Rows(many.Kernel.Name, samples, classes), ManyThreads, bytes, arguments);
    }
}
