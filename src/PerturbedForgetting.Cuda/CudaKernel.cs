using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.Cuda;

/// <summary>A kernel, called with typed arguments.</summary>
/// <example><code>
/// kernel.Launch(stream, grid: 120, block: 256, sharedBytes: 0, x, y, count, 0.5f);
/// </code></example>
public sealed unsafe class CudaKernel
{
    readonly nint handle;
    readonly int[]? parameterSizes;

    internal CudaKernel(CudaModule module, string name, nint handle, int[]? parameterSizes)
    {
        (Module, Name, this.handle, this.parameterSizes) = (module, name, handle, parameterSizes);
    }

    /// <summary>The module it comes from.</summary>
    public CudaModule Module { get; }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The driver's handle (<c>CUfunction</c>).</summary>
    public nint Handle => handle;

    /// <summary>Registers of a thread.</summary>
    public int Registers => Attribute(CudaFunctionAttribute.Registers);

    /// <summary>Static shared memory of a block in bytes.</summary>
    public int SharedBytes => Attribute(CudaFunctionAttribute.SharedSizeBytes);

    /// <summary>Local memory of a thread in bytes: spilled registers and arrays.</summary>
    public int LocalBytes => Attribute(CudaFunctionAttribute.LocalSizeBytes);

    CudaContext Context => Module.Context;

    CudaDriverApi Api => Module.Context.Api;

    /// <summary>Puts the kernel on a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="grid">Number of blocks.</param>
    /// <param name="block">Number of threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block; more than 48 KiB, static shared memory counted in, needs
    /// <see cref="AllowDynamicShared"/> once.</param>
    /// <param name="arguments">One value a parameter, of its size.</param>
    /// <exception cref="ArgumentException">The arguments are not those of the kernel.</exception>
    /// <exception cref="CudaException">The driver refuses the launch, or an earlier one failed.</exception>
    [SkipLocalsInit]
    public void Launch(CudaStream stream, Dim3 grid, Dim3 block, int sharedBytes, params ReadOnlySpan<KernelArgument> arguments)
    {
        CheckArguments(arguments);
        Context.MakeCurrent();
        stream.Observer?.Launching(stream, Name);
        fixed (KernelArgument* first = arguments)
        {
            void** pointers = stackalloc void*[arguments.Length];
            for (int i = 0; i < arguments.Length; i++)
                pointers[i] = arguments[i].IsIndirect ? (void*)arguments[i].Bits : first + i;
            CudaResult result = Api.Call.LaunchKernel(handle, (uint)grid.X, (uint)grid.Y, (uint)grid.Z,
                (uint)block.X, (uint)block.Y, (uint)block.Z, (uint)sharedBytes, stream.Handle, pointers, null);
            if (result != CudaResult.Success)
                ThrowLaunch(result, grid, block, sharedBytes);
        }
        stream.Observer?.Launched(stream, Name);
    }

    /// <summary>Lets launches ask for so many bytes of dynamic shared memory, up to the device's opt-in limit less the static.</summary>
    public void AllowDynamicShared(int bytes) => Set(CudaFunctionAttribute.MaxDynamicSharedSizeBytes, bytes);

    /// <summary>One of its properties.</summary>
    public int Attribute(CudaFunctionAttribute attribute)
    {
        Context.MakeCurrent();
        int value;
        Api.Check(Api.Call.FuncGetAttribute(&value, attribute, handle));
        return value;
    }

    /// <summary>Sets one of its properties.</summary>
    public void Set(CudaFunctionAttribute attribute, int value)
    {
        Context.MakeCurrent();
        Api.Check(Api.Call.FuncSetAttribute(handle, attribute, value));
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Module.Name})";

    void CheckArguments(ReadOnlySpan<KernelArgument> arguments)
    {
        ObjectDisposedException.ThrowIf(Module.IsDisposed, Module);
        if (parameterSizes is null)
            return;
        if (arguments.Length != parameterSizes.Length)
            throw new ArgumentException($"Kernel {Name} of {Module.Name} takes {parameterSizes.Length} arguments, but {arguments.Length} "
                + "were given.", nameof(arguments));
        for (int i = 0; i < arguments.Length; i++)
        {
            // A parameter narrower than an int is passed as one.
            if (arguments[i].Size != Math.Max(parameterSizes[i], 4))
                ThrowSize(i, arguments[i].Size);
        }
    }

    [DoesNotReturn]
    void ThrowSize(int index, int size) => throw new ArgumentException(
        $"Argument {index + 1} of kernel {Name} of {Module.Name} has {size} bytes, but the parameter has {parameterSizes![index]}.",
        "arguments");

    [DoesNotReturn]
    void ThrowLaunch(CudaResult result, Dim3 grid, Dim3 block, int sharedBytes) => Api.Throw(result, nameof(Api.Call.LaunchKernel),
        CudaErrors.IsSticky(result)
            ? null
            : $"Kernel {Name} of {Module.Name} with grid {grid}, block {block} and {sharedBytes} bytes of dynamic shared memory. "
            + $"{CudaErrors.RemedyFor(result)}");
}
