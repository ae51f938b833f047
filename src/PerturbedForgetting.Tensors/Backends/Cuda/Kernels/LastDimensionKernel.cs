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
    /// <summary>Shared memory of a block that needs no permission.</summary>
    public const int SharedOfEveryDevice = 48 * 1024;

    /// <summary>Threads of a block with few columns, and the rows that its warps do.</summary>
    public const int FewThreads = 128, FewRows = 4;

    const int FewColumns = 256;

    static readonly string[] suffixes = ["", "_odd", "_few", "_few_odd"];

    // Each form is loaded when it is needed.
    readonly CudaKernel?[] forms = new CudaKernel?[suffixes.Length];
    readonly int[] allowed = [SharedOfEveryDevice, SharedOfEveryDevice, SharedOfEveryDevice, SharedOfEveryDevice];

    /// <summary>Puts rows on the stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="rows">Rows, each of them done by a block or by a warp.</param>
    /// <param name="columns">Columns of a row.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block with many columns; with few it needs none.</param>
    /// <param name="arguments">Those of the kernel.</param>
    public void Launch(CudaStream stream, long rows, int columns, int sharedBytes, params ReadOnlySpan<KernelArgument> arguments)
    {
        bool isFew = columns <= FewColumns;
        int form = (isFew ? 2 : 0) + (VectorAccess.Fits(columns, arguments) ? 0 : 1);
        CudaKernel kernel = forms[form] ??= library.Get(name + suffixes[form]);
        if (isFew)
        {
            kernel.Launch(stream, LaunchGrid.Blocks(rows, rowsOfFew, int.MaxValue), FewThreads, 0, arguments);
            return;
        }
        if (sharedBytes > allowed[form])
            kernel.AllowDynamicShared(allowed[form] = sharedBytes);
        kernel.Launch(stream, checked((int)rows), threads, sharedBytes, arguments);
    }
}
