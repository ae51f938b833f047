namespace PerturbedForgetting.Tensors.Serialization.Pickle;

/// <summary>A class or function that a pickle names. It is a name and nothing else: nothing is looked up or called.</summary>
/// <param name="Module">Such as <c>collections</c>.</param>
/// <param name="Name">Such as <c>OrderedDict</c>.</param>
public sealed record PickleGlobal(string Module, string Name)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>An object of a class that is not known: inert, with what the pickle says about it.</summary>
/// <param name="type">Its class.</param>
/// <param name="args">What it was made of; null when nothing was given.</param>
public sealed class PickleObject(PickleGlobal type, PickleTuple? args)
{
    /// <summary>Its class.</summary>
    public PickleGlobal Type { get; } = type;

    /// <summary>What it was made of; null when nothing was given.</summary>
    public PickleTuple? Args { get; } = args;

    /// <summary>Its state, mostly the dictionary of its attributes; null when there is none.</summary>
    public object? State { get; internal set; }

    /// <summary>What was put into it by key; null when nothing was.</summary>
    public PickleDict? Items { get; internal set; }

    /// <inheritdoc/>
    public override string ToString() => $"<{Type}>";
}

/// <summary>A tuple.</summary>
/// <param name="items">Its items, which are not copied.</param>
public sealed class PickleTuple(object?[] items)
{
    internal static readonly PickleTuple Empty = new([]);

    /// <summary>The items.</summary>
    public ReadOnlySpan<object?> Items => items;
}

/// <summary>A list, or a set in the order of the file.</summary>
public sealed class PickleList
{
    readonly List<object?> items = [];

    /// <summary>The items; a list may contain itself.</summary>
    public IReadOnlyList<object?> Items => items;

    internal void Add(object? item) => items.Add(item);
}

/// <summary>A dictionary in the order of the file. Keys that are bytes, or texts of Python 2, are found as text.</summary>
public sealed class PickleDict
{
    static readonly object NoneKey = new();

    readonly List<KeyValuePair<object, object?>> entries = [];
    Dictionary<object, int>? places;

    /// <summary>Number of keys.</summary>
    public int Count => entries.Count;

    /// <summary>Keys that are text, with their values; a dictionary may contain itself.</summary>
    public IEnumerable<(string Key, object? Value)> Texts
    {
        get
        {
            foreach ((object key, object? value) in entries)
                if (key is string text)
                    yield return (text, value);
        }
    }

    /// <summary>The value of a key; null when it has none, or has None.</summary>
    public object? this[string key] => places is not null && places.TryGetValue(key, out int place) ? entries[place].Value : null;

    /// <summary>Whether there is such a key.</summary>
    public bool Contains(string key) => places?.ContainsKey(key) ?? false;

    internal void Set(object? key, object? value)
    {
        places ??= new(KeyComparer.Instance);
        key = key switch { byte[] bytes => PickleText.FromBytes(bytes), null => NoneKey, _ => key };
        if (places.TryAdd(key, entries.Count))
            entries.Add(new(key, value));
        else
            entries[places[key]] = new(key, value);
    }

    /// <summary>Hashes of numbers are seeded, so that no file can be made whose keys collide.</summary>
    sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        public new bool Equals(object? a, object? b) => object.Equals(a, b);

        public int GetHashCode(object key) => HashCode.Combine(key);
    }
}
