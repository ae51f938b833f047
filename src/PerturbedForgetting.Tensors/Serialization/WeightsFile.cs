namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>
/// A file of weights opened for reading, whatever wrote it: safetensors, a checkpoint of PyTorch (zip or the older format) or
/// NumPy's <c>.npz</c> and <c>.npy</c>. The format is told from the content, not from the name. Nothing in a file is executed and no
/// length in it is trusted. Tensors are read on demand, from any thread.
/// </summary>
public abstract class WeightsFile : IDisposable
{
    private protected WeightsFile(string path) => Path = path;

    /// <summary>The path the file was opened with.</summary>
    public string Path { get; }

    /// <summary>What it is, in words, such as <c>safetensors</c> or <c>PyTorch checkpoint (zip)</c>.</summary>
    public abstract string Format { get; }

    /// <summary>Names of all tensors, in the order of the file.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>Texts the file says about itself; empty when there are none.</summary>
    public virtual IReadOnlyDictionary<string, string> Metadata => new Dictionary<string, string>();

    /// <summary>What a person should know: which of several sets of weights was taken, what else the file holds, classes that are not
    /// known and were left alone.</summary>
    public virtual IReadOnlyList<string> Notes => [];

    /// <summary>Whether a tensor of this name exists.</summary>
    public abstract bool Contains(string name);

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="WeightsException">There is none.</exception>
    public abstract WeightsEntry Entry(string name);

    /// <summary>Whether the file carries checksums that <see cref="Verify"/> can test.</summary>
    public abstract bool HasChecksum { get; }

    /// <summary>Reads the whole file once and compares it with the checksums it carries.</summary>
    /// <exception cref="WeightsException">They differ, or the file carries none.</exception>
    public abstract void Verify();

    /// <summary>Closes the file.</summary>
    public abstract void Dispose();

    /// <summary>Opens a file and checks everything but the tensors' values.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">Entry of a PyTorch checkpoint that holds the weights, such as <c>model</c> or <c>teacher</c>, dots leading
    /// further in; null takes averaged weights (EMA) before others, and says so in <see cref="Notes"/>.</param>
    /// <exception cref="WeightsException">The file is malformed, of a kind that is not read, or lacks the key.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static WeightsFile Open(string path, string? key = null) => WeightsFormats.Open(path, key);
}
