using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

/// <summary>Where kernels may load and store four elements, 16 bytes, at once. A tensor begins at a multiple of 16 bytes; a view of a part
/// of it begins anywhere.</summary>
static class VectorAccess
{
    /// <summary>Bytes of an access.</summary>
    public const int Bytes = 16;

    /// <summary>Whether all rows of all tensors begin at a multiple of 16 bytes.</summary>
    /// <param name="rowLength">Elements of a row.</param>
    /// <param name="arguments">Those of the kernel, of which the pointers count.</param>
    public static bool Fits(int rowLength, ReadOnlySpan<KernelArgument> arguments)
    {
        if (rowLength % 4 != 0)
            return false;
        ulong bits = 0;
        foreach (ref readonly KernelArgument argument in arguments)
            bits |= argument.IsPointer ? argument.Bits : 0;
        return bits % Bytes == 0;
    }

    /// <summary>Whether a tensor begins at a multiple of 16 bytes.</summary>
    public static bool Fits(Tensor x) => x.Address % Bytes == 0;
}
