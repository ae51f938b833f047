using System.Buffers.Binary;
using System.Text;
using PerturbedForgetting.Tensors.Serialization.Numpy;
using PerturbedForgetting.Tensors.Serialization.Torch;
using PerturbedForgetting.Tensors.Serialization.Zip;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Tells from the first bytes what a file of weights is.</summary>
static class WeightsFormats
{
    const int HeadBytes = 512;

    const string Convertible = "Load it with the program that wrote it and save its weights as safetensors.";

    /// <summary>Files that are taken for weights and are none, by how they begin.</summary>
    static readonly (byte[] Start, string Kind)[] Others =
    [
        ([0x89, (byte)'H', (byte)'D', (byte)'F'], $"an HDF5 file, as Keras writes. {Convertible}"),
        ([.. "GGUF"u8], $"a GGUF file. {Convertible}"),
        ([0x1F, 0x8B], "compressed with gzip; unpack it first."),
        ([.. "BZh"u8], "compressed with bzip2; unpack it first."),
        ([0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z'], "compressed with xz; unpack it first."),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd; unpack it first."),
        ([(byte)'7', (byte)'z', 0xBC, 0xAF], "a 7z archive; unpack it first."),
        ([.. "Rar!"u8], "a RAR archive; unpack it first."),
        ([.. "version https://git-lfs"u8], "a pointer of Git LFS, not the file itself; fetch that with: git lfs pull."),
        ([.. "<!DOCTYPE"u8], "a web page; the download link leads to a page around the file."),
        ([.. "<!doctype"u8], "a web page; the download link leads to a page around the file."),
        ([.. "<html"u8], "a web page; the download link leads to a page around the file."),
        ([.. "<?xml"u8], "an XML document, often the message of a failed download."),
        ([.. "%PDF"u8], "a PDF document."),
    ];

    /// <summary>Opens a file in the format its content shows.</summary>
    public static WeightsFile Open(string path, string? key)
    {
        if (Directory.Exists(path))
            throw new WeightsException(path, "this is a folder; give the file of weights in it"
                + (Directory.EnumerateFiles(path).FirstOrDefault(IsNamedLikeWeights) is { } file
                    ? $", such as '{System.IO.Path.GetFileName(file)}'."
                    : "."));
        var opened = new PositionalFile(path);
        try
        {
            byte[] head = new byte[(int)Math.Min(HeadBytes, opened.Length)];
            opened.Read(0, head);
            if (!IsSafetensors(head, opened.Length) && OpenOther(opened, head, key) is { } other)
                return other;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
        opened.Dispose();
        return SafetensorsFile.Open(path);
    }

    static bool IsNamedLikeWeights(string path) =>
        System.IO.Path.GetExtension(path).ToLowerInvariant() is ".safetensors" or ".bin" or ".pth" or ".pt" or ".npz" or ".tar";

    static bool IsSafetensors(ReadOnlySpan<byte> head, long length) =>
        head.Length > 8 && head[8] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(head) <= (ulong)length;

    /// <summary>Null for what is neither known nor refused by name, which the reader of safetensors says what it misses in.</summary>
    static WeightsFile? OpenOther(PositionalFile file, byte[] head, string? key)
    {
        if (head.AsSpan().StartsWith("PK\x3\x4"u8) || head.AsSpan().StartsWith("PK\x5\x6"u8))
            return OpenZip(file, key);
        if (head.AsSpan().StartsWith(NpyHeader.Magic))
            return new NumpyFile(file, key);
        if (head.Length > 2 && head[0] == 0x80 && head[1] is >= 1 and <= 5)
            return new TorchLegacyFile(file, key);
        if (head.Length >= 263 && head.AsSpan(257, 5).SequenceEqual("ustar"u8))
            throw new WeightsException(file.Path, TarKind(head));
        ReadOnlySpan<byte> text = head.AsSpan().TrimStart(" \t\r\n"u8);
        foreach ((byte[] start, string kind) in Others)
            if (text.StartsWith(start))
                throw new WeightsException(file.Path, $"this is no file of weights but {kind}");
        if (text.StartsWith("{"u8))
            throw new WeightsException(file.Path, Encoding.UTF8.GetString(head).Contains("weight_map", StringComparison.Ordinal)
                || file.Path.EndsWith(".index.json", StringComparison.Ordinal)
                ? "this is the index of weights that are spread over several files; give one file that has all of them."
                : "this is JSON, not a file of weights.");
        if (head.AsSpan().IndexOfAnyExcept((byte)0) < 0 && file.Length > 0)
            throw new WeightsException(file.Path, "it holds nothing but zeros where its format should show; the download was not "
                + "finished.");
        // ONNX is a message of protobuf whose first field is the version of its representation.
        if (head.Length > 8 && head[0] == 8 && head[1] is > 0 and < 20 && head[2] is 0x12 or 0x1A or 0x3A)
            throw new WeightsException(file.Path, "this looks like an ONNX model, which is written here but not read. Give the weights "
                + "it was made of.");
        return null;
    }

    static WeightsFile OpenZip(PositionalFile file, string? key)
    {
        var zip = new ZipMembers(file);
        if (TorchZipFile.FindPickle(zip) is not null)
            return new TorchZipFile(file, zip, key);
        if (zip.All.Any(static m => m.Name.EndsWith(".npy", StringComparison.Ordinal)))
            return new NumpyFile(file, zip);
        if (zip.All.Any(static m => m.Name.Contains("/code/", StringComparison.Ordinal)
            || m.Name.EndsWith("constants.pkl", StringComparison.Ordinal)))
            throw new WeightsException(file.Path, TorchZipFile.TorchScript);
        throw new WeightsException(file.Path, "this is a zip archive with neither a PyTorch checkpoint nor NumPy arrays in it"
            + (zip.All.Count > 0 ? $" (its first member is '{zip.All[0].Name}'); unpack it first." : ": it is empty."));
    }

    static string TarKind(byte[] head)
    {
        string first = Encoding.UTF8.GetString(head.AsSpan(0, 100)).TrimEnd('\0');
        return first.TrimStart('.', '/').Split('/')[0] is "sys_info" or "pickle" or "storages" or "tensors"
            ? "this is a checkpoint of PyTorch 0.1 (a tar archive), which is not read. Load it with an old PyTorch and save it with a "
                + "current one: torch.save(torch.load('FILE'), 'weights.pth')."
            : $"this is a tar archive (its first member is '{first}'); unpack it and give the file of weights in it.";
    }
}
