using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A kernel of one row a block, in four forms: NAME, and NAME_few with 32 threads for few columns; with _odd behind it for
/// columns that are not divisible by 4, and for views that begin elsewhere.</summary>
sealed class LastDimensionKernel(KernelLibrary library, string name, int threads)
{
    const int FewColumns = 256, FewThreads = 32;

    static readonly string[] suffixes = ["", "_odd", "_few", "_few_odd"];

    // Each form is loaded when it is needed.
    readonly LargeSharedKernel?[] forms = new LargeSharedKernel?[suffixes.Length];

    /// <summary>Puts blocks on the stream that keep <paramref name="bytesOfColumn"/> bytes of each column in shared memory.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="rows">Number of blocks.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="bytesOfColumn">Shared memory.</param>
    /// <param name="arguments">Those of the kernel.</param>
    /// <exception cref="ArgumentException">A row does not fit into the shared memory of the device, or there are too many.</exception>
    public void Launch(CudaStream stream, long rows, int columns, int bytesOfColumn, params ReadOnlySpan<KernelArgument> arguments)
    {
        LargeSharedKernel form = FormOf(columns, arguments);
        Launch(stream, form, rows, columns, form.RowBytes(columns, bytesOfColumn), arguments);
    }

    /// <summary>Puts blocks on the stream that keep so much of each column where they have it without asking; where they do not, they
    /// keep nothing. The kernel's last argument says which: 1, or 0.</summary>
    /// <inheritdoc cref="Launch(CudaStream, long, int, int, ReadOnlySpan{KernelArgument})"/>
    public void LaunchKeepingIfUsual(CudaStream stream, long rows, int columns, int bytesOfColumn,
        params ReadOnlySpan<KernelArgument> arguments)
    {
        LargeSharedKernel form = FormOf(columns, arguments);
        long bytes = (long)bytesOfColumn * columns;
        bool keeps = bytes <= form.UsualShared;
        Span<KernelArgument> all = stackalloc KernelArgument[arguments.Length + 1];
        arguments.CopyTo(all);
        all[^1] = keeps ? 1 : 0;
        Launch(stream, form, rows, columns, keeps ? (int)bytes : 0, all);
    }

    LargeSharedKernel FormOf(int columns, ReadOnlySpan<KernelArgument> arguments)
    {
        int form = (columns <= FewColumns ? 2 : 0) + (VectorAccess.Fits(columns, arguments) ? 0 : 1);
        return forms[form] ??= new LargeSharedKernel(library, name + suffixes[form]);
    }

    void Launch(CudaStream stream, LargeSharedKernel form, long rows, int columns, int sharedBytes,
        ReadOnlySpan<KernelArgument> arguments) =>
        form.Kernel.Launch(stream, LaunchGrid.Rows(name, rows, columns), columns <= FewColumns ? FewThreads : threads, sharedBytes,
            arguments);
}
