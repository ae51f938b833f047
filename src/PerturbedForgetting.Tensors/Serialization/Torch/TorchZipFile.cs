using System.Text;
using PerturbedForgetting.Tensors.Serialization.Pickle;
using PerturbedForgetting.Tensors.Serialization.Zip;

namespace PerturbedForgetting.Tensors.Serialization.Torch;

/// <summary>
/// What torch.save writes since PyTorch 1.6: a zip archive of one folder with the pickle <c>data.pkl</c>, the storages
/// <c>data/0</c>, <c>data/1</c>, …, and, by newer versions, <c>byteorder</c>.
/// </summary>
sealed class TorchZipFile : StoredFile
{
    /// <summary>The pickle of the largest models and optimizers takes a few megabytes.</summary>
    const long LongestPickle = 1L << 30;

    /// <summary>Why a TorchScript archive is not read.</summary>
    public const string TorchScript = "this is a TorchScript archive, which holds a program beside its weights. Save the weights alone "
        + "with Python: torch.save(torch.jit.load('FILE').state_dict(), 'weights.pth').";

    /// <summary>Where PyTorch puts texts beside a program; we put them there beside weights.</summary>
    public const string MetadataFolder = "extra/";

    const string PickleName = "data.pkl";

    readonly ZipDirectory zip;
    readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);
    readonly string folder;

    public TorchZipFile(PositionalFile file, ZipDirectory zip, string? key) : base(file)
    {
        this.zip = zip;
        ZipMember pickle = FindPickle(zip)!;
        folder = pickle.Name[..^PickleName.Length];
        if (zip.Find($"{folder}constants.pkl") is not null
            || zip.Members.Any(m => m.Name.StartsWith($"{folder}code/", StringComparison.Ordinal)))
            throw new WeightsException(Path, TorchScript);
        if (pickle.Length > Math.Min(LongestPickle, 10 * file.Length))
            throw new WeightsException(Path, $"its pickle claims {pickle.Length} bytes in an archive of {file.Length}; it was made to do "
                + "harm, or is damaged.");
        var types = new TorchTypes();
        PickleContent content;
        using (Stream stream = pickle.OpenRead())
            content = PickleReader.Read(new PickleSource(stream, pickle.Length, Path), types);
        bool swapped = zip.Find($"{folder}byteorder") is { } order
            && Encoding.ASCII.GetString(order.ReadAll(16)).Trim() == "big";
        CheckStorages(types);
        Fill(content, key, swapped);
        ReadMetadata();
    }

    public override string Format => "PyTorch checkpoint (zip)";

    public override IReadOnlyDictionary<string, string> Metadata => metadata;

    public override bool HasChecksum => true;

    /// <summary>The pickle of a file of PyTorch; null when the archive is none.</summary>
    public static ZipMember? FindPickle(ZipDirectory zip) => zip.Find(PickleName)
        ?? zip.Members.FirstOrDefault(static m => m.Name.EndsWith("/" + PickleName, StringComparison.Ordinal)
            && m.Name.IndexOf('/') == m.Name.Length - PickleName.Length - 1);

    public override void Verify()
    {
        var damaged = zip.Members.Where(static m => !m.HasRightChecksum()).ToList();
        // torch.save can be told to leave the checksums out; then none of them is right.
        if (damaged.Count > 0 && damaged.Count < zip.Members.Count(static m => m.Length > 0))
            throw new WeightsException(Path, $"the checksum of '{damaged[0].Name}' is not that of its content: the file was damaged "
                + "after it was written. Download or copy it again.");
    }

    protected override Stream Open(string key, long begin, long length)
    {
        ZipMember member = zip.Find($"{folder}data/{key}")!;
        if (!member.IsDeflated)
            return File.Range(member.Begin + begin, length);
        Stream stream = member.OpenRead();
        ForwardSkip.Skip(stream, begin);
        return stream;
    }

    void ReadMetadata()
    {
        long rest = File.Length;
        string prefix = folder + MetadataFolder;
        foreach (ZipMember member in zip.Members.Where(m => m.Name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            metadata.Add(member.Name[prefix.Length..], Encoding.UTF8.GetString(member.ReadAll(rest)));
            rest -= member.Length;
        }
    }

    void CheckStorages(TorchTypes types)
    {
        foreach (TorchStorage storage in types.Storages.Values)
        {
            if (storage.DType is not { } dtype)
                continue;
            string name = $"{folder}data/{storage.Key}";
            ZipMember member = zip.Find(name)
                ?? throw new WeightsException(Path, $"the archive has no member '{name}', which a tensor refers to: it is damaged.");
            if ((Int128)storage.RootCount * dtype.Size() > member.Length)
                throw new WeightsException(Path, $"the archive's member '{name}' has {member.Length} bytes, but {storage.RootCount} "
                    + $"items of {dtype.Name()} are referred to: it is truncated or damaged.");
        }
    }
}
