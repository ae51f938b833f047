using System.Collections.Frozen;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>
/// The kernels of <c>kernels/</c> in one context. Their PTX is embedded in this assembly as <c>ptx/FILE.ptx</c>; a file is given to
/// the driver when the first of its kernels is asked for. A kernel stands in the file of its own name, or in the one whose name it
/// continues after an underscore, the longest first: <c>layer_norm_backward</c> is looked for in <c>layer_norm_backward.ptx</c>,
/// then in <c>layer_norm.ptx</c>.
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
    const string Folder = "ptx/", Extension = ".ptx";

    static readonly FrozenSet<string> files = typeof(KernelLibrary).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Folder, StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal))
        .Select(name => name[Folder.Length..^Extension.Length])
        .ToFrozenSet(StringComparer.Ordinal);

    readonly Dictionary<string, CudaModule> modules = [];
    readonly Dictionary<string, CudaKernel> kernels = [];
    readonly Lock gate = new();

    /// <summary>Names of the embedded files without folder and extension, sorted.</summary>
    public static IEnumerable<string> Files => files.Order(StringComparer.Ordinal);

    /// <summary>The context that the kernels are loaded into.</summary>
    public CudaContext Context => context;

    /// <summary>A kernel; its module is loaded at the first call.</summary>
    /// <exception cref="ArgumentException">There is no such kernel.</exception>
    /// <exception cref="CudaException">The driver cannot load the module; the message has its log.</exception>
    public CudaKernel Get(string name)
    {
        lock (gate)
        {
            if (!kernels.TryGetValue(name, out CudaKernel? kernel))
                kernels.Add(name, kernel = Find(name));
            return kernel;
        }
    }

    /// <summary>Names of the kernels of an embedded file.</summary>
    public IReadOnlyList<string> KernelsOf(string file)
    {
        lock (gate)
            return [.. Module(file).KernelNames];
    }

    CudaKernel Find(string name)
    {
        for (int end = name.Length; end > 0; end = name.LastIndexOf('_', end - 1))
        {
            if (files.Contains(name[..end]) && Module(name[..end]) is { } module && module.KernelNames.Contains(name))
                return module.GetKernel(name);
        }
        throw new ArgumentException($"There is no kernel '{name}': no embedded PTX file of that name, or of its beginning, has it."
            + Suggestions.DidYouMean(name, files) + $" Files: {string.Join(", ", Files)}.", nameof(name));
    }

    CudaModule Module(string file)
    {
        if (!modules.TryGetValue(file, out CudaModule? module))
            modules.Add(file, module = context.LoadModule(ReadImage(file), file + Extension, options));
        return module;
    }

    /// <summary>The text of an embedded file, closed by the NUL byte that the driver wants.</summary>
    public static byte[] ReadImage(string file)
    {
        using Stream stream = typeof(KernelLibrary).Assembly.GetManifestResourceStream(Folder + file + Extension)
            ?? throw new ArgumentException($"There is no embedded PTX file '{file}'.", nameof(file));
        byte[] image = new byte[stream.Length + 1];
        stream.ReadExactly(image, 0, image.Length - 1);
        return image;
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
