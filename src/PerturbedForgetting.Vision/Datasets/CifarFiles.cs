using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Tensors.Serialization.Pickle;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Finds and reads the files of CIFAR in each form that its authors offer: binary or Python's pickles, unpacked or in an
/// archive.</summary>
/// <param name="classes">10 or 100.</param>
/// <param name="dataDir">A folder or an archive.</param>
sealed class CifarFiles(int classes, string dataDir)
{
    const int Pixels = 3 * 32 * 32;

    readonly Dictionary<string, Dictionary<string, ReadOnlyMemory<byte>>> archives = new(StringComparer.Ordinal);

    /// <summary>A form of the set.</summary>
    /// <param name="Folder">The folder that its archive unpacks to.</param>
    /// <param name="Archive">The archive, without extension.</param>
    /// <param name="Suffix">What its files end in.</param>
    /// <param name="Names">The file that lists the classes.</param>
    sealed record Form(string Folder, string Archive, string Suffix, string Names)
    {
        public bool IsPickled => Suffix.Length == 0;
    }

    IEnumerable<Form> Forms => classes == 10
        ?
        [
            new("cifar-10-batches-bin", "cifar-10-binary", ".bin", "batches.meta.txt"),
            new("cifar-10-batches-py", "cifar-10-python", "", "batches.meta"),
        ]
        :
        [
            new("cifar-100-binary", "cifar-100-binary", ".bin", "fine_label_names.txt"),
            new("cifar-100-python", "cifar-100-python", "", "meta"),
        ];

    /// <summary>Reads the files of a split as records of the binary form, and the names of the classes if they are told.</summary>
    /// <exception cref="DatasetException">A file is missing or damaged.</exception>
    public (List<(string File, ReadOnlyMemory<byte> Records)> Files, string[]? Names) Read(bool training)
    {
        string[] stems = (classes, training) switch
        {
            (10, true) => [.. Enumerable.Range(1, 5).Select(i => string.Create(CultureInfo.InvariantCulture, $"data_batch_{i}"))],
            (10, false) => ["test_batch"],
            (_, true) => ["train"],
            _ => ["test"],
        };
        string? missing = null;
        foreach (Form form in Forms)
        {
            string[] files = Array.ConvertAll(stems, s => s + form.Suffix);
            foreach (string place in Places(form).Where(p => Has(p, files[0])))
            {
                if (Array.Find(files, f => !Has(place, f)) is { } lacks)
                {
                    missing ??= $"{lacks} in {place}";
                    continue;
                }
                string[]? names = Has(place, form.Names) ? ReadNames(form, PathOf(place, form.Names), Get(place, form.Names)) : null;
                return ([.. files.Select(f => (PathOf(place, f), Records(form, PathOf(place, f), Get(place, f))))],
                    names?.Length == classes ? names : null);
            }
        }
        throw new DatasetException($"cifar{classes}: there is no "
            + (missing ?? $"{stems[0]}.bin in {dataDir}, nor "
                + string.Join(", ", Forms.Select(static f => $"{f.Folder} or {f.Archive}.tar.gz")))
            + $"; `{nameof(dataDir)}` is where the set was downloaded or unpacked to", wrongOption: true);
    }

    IEnumerable<string> Places(Form form) => File.Exists(dataDir) ? [dataDir]
        : [dataDir, Path.Combine(dataDir, form.Folder), .. TarNames.Extensions.Select(e => Path.Combine(dataDir, form.Archive + e))];

    bool Has(string place, string file) => File.Exists(place) ? Members(place).ContainsKey(file) : File.Exists(Path.Combine(place, file));

    ReadOnlyMemory<byte> Get(string place, string file) =>
        File.Exists(place) ? Members(place)[file] : BinaryFile.Read(Path.Combine(place, file));

    static string PathOf(string place, string file) => File.Exists(place) ? $"{place}: {file}" : Path.Combine(place, file);

    /// <summary>The files of an archive, which is read whole.</summary>
    Dictionary<string, ReadOnlyMemory<byte>> Members(string archive)
    {
        if (archives.TryGetValue(archive, out var members))
            return members;
        archives[archive] = members = new(StringComparer.Ordinal);
        ReadOnlyMemory<byte> data = BinaryFile.Read(archive);
        var scanner = new TarScanner(new FileWindow(data), archive, 0, data.Length);
        while (scanner.Next(out TarMember member))
        {
            if (!member.IsSparse && !TarText.IsLitter(member.Name))
                members[Path.GetFileName(member.Name)] = data.Slice((int)member.Offset, (int)member.Length);
        }
        return members;
    }

    string[] ReadNames(Form form, string path, ReadOnlyMemory<byte> data)
    {
        if (!form.IsPickled)
        {
            return [.. Encoding.UTF8.GetString(data.Span)
                .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        }
        PickleDict dict = Unpickle(path, data);
        return (dict[classes == 10 ? "label_names" : "fine_label_names"] as PickleList)?.Items
            .Select(static n => n switch { string text => text, byte[] bytes => Encoding.UTF8.GetString(bytes), _ => "" })
            .Where(static n => n.Length > 0).ToArray() ?? [];
    }

    ReadOnlyMemory<byte> Records(Form form, string path, ReadOnlyMemory<byte> data) =>
        form.IsPickled ? FromPickle(path, data) : data;

    /// <summary>Makes records of a pickled dictionary of images (data: n x 3072 bytes) and labels.</summary>
    ReadOnlyMemory<byte> FromPickle(string path, ReadOnlyMemory<byte> data)
    {
        PickleDict dict = Unpickle(path, data);
        string key = classes == 10 ? "labels" : "fine_labels";
        if (dict["data"] is not NumpyArray { FortranOrder: false, Type.ItemSize: 1, Shape: [var count, Pixels] } images
            || images.Data.Length != count * Pixels || dict[key] is not PickleList labels || labels.Items.Count != count)
            throw new DatasetException($"{path} does not hold 'data' of n x {Pixels} bytes and n '{key}'; it is another file or "
                + "damaged, download it again");
        int labelBytes = classes == 10 ? 1 : 2;
        var records = new byte[count * (Pixels + labelBytes)];
        for (int i = 0; i < count; i++)
        {
            Span<byte> record = records.AsSpan(i * (Pixels + labelBytes), Pixels + labelBytes);
            record[labelBytes - 1] = labels.Items[i] is long label and >= 0 and <= byte.MaxValue ? (byte)label
                : throw new DatasetException($"{path}, image {i}: its label is no number of a class; the file is damaged, download "
                    + "it again");
            images.Data.Span.Slice(i * Pixels, Pixels).CopyTo(record[labelBytes..]);
        }
        return records;
    }

    static PickleDict Unpickle(string path, ReadOnlyMemory<byte> data)
    {
        try
        {
            MemoryMarshal.TryGetArray(data, out ArraySegment<byte> array);
            using var stream = new MemoryStream(array.Array!, array.Offset, array.Count, writable: false);
            return PickleReader.Read(stream, data.Length, path).Value as PickleDict
                ?? throw new DatasetException($"{path} is a pickle of something else than a dictionary; it is another file");
        }
        catch (WeightsException e)
        {
            throw new DatasetException($"{e.Message} Download the file again");
        }
    }
}
