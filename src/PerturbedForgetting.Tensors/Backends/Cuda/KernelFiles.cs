using System.Collections.Frozen;
using System.IO.Compression;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>The PTX of <c>kernels/</c>: embedded in this assembly, compressed, as <c>ptx/FILE.ptx</c>, or the files of a folder.</summary>
sealed class KernelFiles
{
    const string Prefix = "ptx/", Extension = ".ptx";

    static readonly Lazy<KernelFiles> used = new(Choose);

    readonly string? folder;
    readonly FrozenSet<string> names;

    KernelFiles(string? folder, IEnumerable<string> files)
    {
        this.folder = folder;
        names = files.ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>Those that the engine runs: the embedded ones, unless <see cref="EnvironmentVariables.Kernels"/> names a folder.</summary>
    /// <exception cref="DeviceException">The folder cannot be read or has no PTX.</exception>
    public static KernelFiles Used => used.Value;

    /// <summary>Those that ship.</summary>
    public static KernelFiles Embedded { get; } = new(null, typeof(KernelFiles).Assembly.GetManifestResourceNames()
        .Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal))
        .Select(static name => name[Prefix.Length..^Extension.Length]));

    static KernelFiles Choose() => EnvironmentVariables.Kernels.Value is { Length: > 0 } named ? InFolder(named) : Embedded;

    /// <summary>The files of a folder, all kernels of which another compiler made.</summary>
    /// <exception cref="DeviceException">The folder cannot be read or has no PTX.</exception>
    public static KernelFiles InFolder(string folder)
    {
        try
        {
            string[] files = Directory.GetFiles(folder, "*" + Extension);
            return files.Length > 0
                ? new(folder, files.Select(static file => Path.GetFileNameWithoutExtension(file)))
                : throw Wrong(folder, "no *.ptx is in it", null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Wrong(folder, "it cannot be read", e);
        }
    }

    /// <summary>Names of the files without folder and extension, sorted.</summary>
    public IEnumerable<string> Names => names.Order(StringComparer.Ordinal);

    /// <summary>Whether there is such a file.</summary>
    public bool Contains(string file) => names.Contains(file);

    /// <summary>The text of a file, closed by the NUL byte that the driver wants.</summary>
    /// <exception cref="ArgumentException">There is no such file.</exception>
    /// <exception cref="DeviceException">It cannot be read.</exception>
    public byte[] Read(string file)
    {
        if (!Contains(file))
            throw new ArgumentException($"There is no PTX file '{file}'.", nameof(file));
        try
        {
            using Stream stream = folder is null ? Resource(file) : File.OpenRead(Path.Combine(folder, file + Extension));
            using var image = new MemoryStream();
            stream.CopyTo(image);
            image.WriteByte(0);
            return image.ToArray();
        }
        catch (Exception e) when (folder is not null && e is IOException or UnauthorizedAccessException)
        {
            throw Wrong(folder!, $"{file}{Extension} cannot be read", e);
        }
    }

    /// <summary>What is wrong when no file has a kernel: the name, or the folder.</summary>
    public Exception Without(string kernel) => folder is not null
        ? Wrong(folder, $"no file there has the kernel '{kernel}'", null)
        : new ArgumentException($"There is no kernel '{kernel}': no PTX file of that name, or of its beginning, has it."
            + Suggestions.DidYouMean(kernel, Names) + $" Files: {string.Join(", ", Names)}.", nameof(kernel));

    static DeflateStream Resource(string file) =>
        new(typeof(KernelFiles).Assembly.GetManifestResourceStream(Prefix + file + Extension)!, CompressionMode.Decompress);

    static DeviceException Wrong(string folder, string what, Exception? cause) => new(
        $"The kernels are to be read from '{folder}' ({EnvironmentVariables.Kernels}), but {what}"
        + $"{(cause is null ? "" : $": {cause.Message.TrimEnd('.')}")}. Without the variable those that ship are used.", cause);
}
