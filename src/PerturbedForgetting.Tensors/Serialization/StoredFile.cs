using PerturbedForgetting.Tensors.Serialization.Numpy;
using PerturbedForgetting.Tensors.Serialization.Pickle;
using PerturbedForgetting.Tensors.Serialization.Torch;

namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>What the formats of PyTorch and NumPy have in common: tensors by name, some of them found in a pickle, whose items lie
/// elsewhere in the file.</summary>
abstract class StoredFile : WeightsFile
{
    readonly Dictionary<string, WeightsEntry> entries = new(StringComparer.Ordinal);
    readonly List<string> names = [], notes = [];

    protected StoredFile(PositionalFile file) : base(file.Path) => File = file;

    protected PositionalFile File { get; }

    public override IReadOnlyList<string> Names => names;

    public override IReadOnlyList<string> Notes => notes;

    public override bool Contains(string name) => entries.ContainsKey(name);

    public override WeightsEntry Entry(string name) => entries.TryGetValue(name, out WeightsEntry? entry)
        ? entry
        : throw new WeightsException(Path, $"there is no tensor '{name}' among its {names.Count}.");

    public override void Dispose() => File.Dispose();

    /// <summary>Makes the entries.</summary>
    /// <param name="content">The pickle.</param>
    /// <param name="key">Where the weights are; null looks for them.</param>
    /// <param name="swapsBytes">Whether the file comes from a machine that puts the most significant byte first.</param>
    private protected void Fill(PickleContent content, string? key, bool swapsBytes)
    {
        var finder = new StateDictFinder(Path);
        var unread = new List<string>();
        foreach ((string name, object value) in finder.Find(content.Value, key))
        {
            WeightsEntry? entry = value switch
            {
                TorchTensor { DType: { } dtype } tensor => Entry(name, tensor, dtype, swapsBytes),
                NumpyArray array => NumpyEntries.Make(Path, name, array),
                _ => null,
            };
            if (entry is not null)
                Add(entry);
            else
                unread.Add($"{name} "
                    + $"({(value is UnreadTensor other ? other.Kind : value is TorchTensor t ? t.Storage.TypeName : "objects")})");
        }
        notes.AddRange(finder.Notes);
        NoteUnread(unread);
        if (content.Placeholders.Count > 0)
            notes.Add($"objects that are not known and were left alone: {string.Join(", ", content.Placeholders)}");
        if (names.Count == 0)
            throw new WeightsException(Path, $"it holds no weights that are read: {string.Join("; ", notes)}.");
    }

    /// <summary>Adds a tensor; of two that have one name, as only hostile files have, the first stays.</summary>
    protected void Add(WeightsEntry entry)
    {
        if (entries.TryAdd(entry.Name, entry))
            names.Add(entry.Name);
    }

    /// <summary>Notes tensors that are left out.</summary>
    protected void NoteUnread(IReadOnlyList<string> unread)
    {
        if (unread.Count > 0)
            notes.Add($"tensors of kinds that are not read: {string.Join(", ", unread.Take(8))}"
                + (unread.Count > 8 ? $" and {unread.Count - 8} more" : ""));
    }

    /// <summary>Bytes of the storage of this key, so many from an offset on.</summary>
    protected virtual Stream Open(string key, long begin, long length) => throw new NotSupportedException("There are no storages.");

    StoredEntry Entry(string name, TorchTensor tensor, SafetensorsDType dtype, bool swapsBytes)
    {
        string key = tensor.Storage.Key;
        var view = new StoredView(dtype, tensor.Shape, tensor.Strides, tensor.Storage.ViewOffset + tensor.Offset,
            swapsBytes && dtype.Size() > 1, (begin, length) => Open(key, begin, length));
        var entry = new StoredEntry(Path, name, view);
        // A view may repeat items without end; nobody saves weights so.
        if (entry.ByteLength > Math.Max(File.Length, view.Span * dtype.Size()))
            throw new WeightsException(Path, $"tensor '{name}' of shape {entry.ShapeText} repeats {view.Span} items; it is larger than "
                + "the file, which was made to do harm.");
        return entry;
    }
}
