using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>A kernel of rows in four forms: NAME with one row a block, in shared memory, and NAME_few with a row a warp, in registers, for
/// few columns; with _odd behind it for columns that are not divisible by 4, and for views that begin elsewhere. See
/// kernels/include/rows.cuh.</summary>
/// <param name="library">The kernels.</param>
/// <param name="name">Name of the kernel.</param>
/// <param name="threads">Of a block with many columns.</param>
/// <param name="rowsOfFew">Rows that a block with few columns does: its warps, or 1 where they share what a block of the other form
/// does.</param>
sealed class LastDimensionKernel(KernelLibrary library, string name, int threads, int rowsOfFew = LastDimensionKernel.FewRows)
{
    /// <summary>Threads of a block with few columns, and the rows that its warps do.</summary>
    public const int FewThreads = 128, FewRows = 4;

    const int FewColumns = 256;

    static readonly string[] suffixes = ["", "_odd", "_few", "_few_odd"];

    // Each form is loaded when it is needed.
    readonly LargeSharedKernel?[] forms = new LargeSharedKernel?[suffixes.Length];

    /// <summary>Puts blocks on the stream that keep <paramref name="bytesOfColumn"/> bytes of each column in shared memory, or, with few
    /// columns, in registers.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="rows">Rows, each of them done by a block or by a warp.</param>
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

    void Launch(CudaStream stream, LargeSharedKernel form, long rows, int columns, int sharedBytes, ReadOnlySpan<KernelArgument> arguments)
    {
        if (columns <= FewColumns)
            form.Kernel.Launch(stream, LaunchGrid.Rows(name, LaunchGrid.Tiles(rows, rowsOfFew), columns), FewThreads, 0, arguments);
        else
            form.Kernel.Launch(stream, LaunchGrid.Rows(name, rows, columns), threads, sharedBytes, arguments);
    }
}
