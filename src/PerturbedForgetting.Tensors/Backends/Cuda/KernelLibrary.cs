using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>
/// The kernels of <c>kernels/</c> in one context, from <see cref="KernelFiles"/>. A file is given to the driver, which compiles all of
/// it, when the first of its kernels is asked for. A kernel stands in the file of its own name, or in the one whose name it continues
/// after an underscore, the longest first: <c>gelu_backward</c> is looked for in <c>gelu_backward.ptx</c>, then in <c>gelu.ptx</c>. What
/// a file has is read from its text; looking for a kernel compiles nothing.
/// </summary>
/// <remarks>Its kernels are launched by <see cref="CudaBackend"/>, one file a family: launch geometry, order of arguments and cost
/// stand in the operation that needs them.
/// <code>
/// CudaKernel DropoutKernel => field ??= library.Get("dropout");
///
/// public override void Dropout(Tensor x, double p, in RandomCall call, Tensor y) =>
///     DropoutKernel.Launch(Moving([x], [y]), LaunchGrid.Blocks(y.Count, 4 * Threads), Threads, 0, Dense(y), Dense(x), …, y.Count);
/// </code></remarks>
sealed class KernelLibrary(CudaContext context, JitOptions? options = null) : IDisposable
{
    readonly KernelFiles files = KernelFiles.Used;
    readonly Dictionary<string, IReadOnlyCollection<string>> names = [];
    readonly Dictionary<string, CudaModule> modules = [];
    readonly Dictionary<string, CudaKernel> kernels = [];
    readonly Lock gate = new();

    /// <summary>The context that the kernels are loaded into.</summary>
    public CudaContext Context => context;

    /// <summary>A kernel; its module is loaded at the first call. Whatever is to be captured runs once before as it is, because drivers
    /// refuse to load a module in a capture. Any thread may ask.</summary>
    /// <exception cref="ArgumentException">There is no such kernel.</exception>
    /// <exception cref="DeviceException">The kernels are read from a folder that lacks it.</exception>
    /// <exception cref="CudaException">The driver cannot load the module, and the message has its log; or a stream is being
    /// captured.</exception>
    public CudaKernel Get(string name)
    {
        lock (gate)
        {
            if (!kernels.TryGetValue(name, out CudaKernel? kernel))
                kernels.Add(name, kernel = Find(name));
            return kernel;
        }
    }

    /// <summary>Names of the kernels of a file.</summary>
    public IReadOnlyList<string> KernelsOf(string file)
    {
        lock (gate)
            return [.. NamesIn(file).Order(StringComparer.Ordinal)];
    }

    CudaKernel Find(string name)
    {
        for (int end = name.Length; end > 0; end = name.LastIndexOf('_', end - 1))
        {
            string file = name[..end];
            if (files.Contains(file) && NamesIn(file).Contains(name))
                return Module(file).GetKernel(name);
        }
        throw files.Without(name);
    }

    IReadOnlyCollection<string> NamesIn(string file)
    {
        if (!names.TryGetValue(file, out IReadOnlyCollection<string>? found))
            names.Add(file, found = CudaModule.KernelsIn(files.Read(file)));
        return found;
    }

    CudaModule Module(string file)
    {
        if (!modules.TryGetValue(file, out CudaModule? module))
            modules.Add(file, module = context.LoadModule(files.Read(file), file + ".ptx", options));
        return module;
    }

    /// <summary>Unloads all modules.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            foreach (CudaModule module in modules.Values)
                module.Dispose();
            modules.Clear();
            kernels.Clear();
        }
    }
}
