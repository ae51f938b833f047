using PerturbedForgetting.Tensors.Serialization.Pickle;

namespace PerturbedForgetting.Tensors.Serialization.Torch;

/// <summary>
/// Finds the weights in what a PyTorch file holds: a dictionary of tensors, one inside of the dictionary that a training script saved
/// (<c>state_dict</c>, <c>model</c>, …, averaged weights first), or a whole pickled module.
/// </summary>
/// <param name="path">The file.</param>
sealed class StateDictFinder(string path)
{
    const int MostDepth = 40, MostListed = 8;

    /// <summary>Averaged weights first, as timm takes them, then those that training scripts save.</summary>
    static readonly string[] KnownKeys =
    [
        "state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema", "teacher",
        "state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights", "params", "student",
    ];

    readonly List<string> notes = [];

    /// <summary>What was chosen and what was not.</summary>
    public IReadOnlyList<string> Notes => notes;

    /// <summary>The weights by name: <see cref="TorchTensor"/>, <see cref="NumpyArray"/> or <see cref="UnreadTensor"/>.</summary>
    /// <param name="root">What the file holds.</param>
    /// <param name="key">Where the weights are; null looks for them.</param>
    /// <exception cref="WeightsException">There are none, or several and none that is known.</exception>
    public List<(string Name, object Value)> Find(object? root, string? key)
    {
        if (key is not null)
            return Required(Descend(root, key), key);
        for (int depth = 0; depth < 4; depth++)
        {
            if (TakeKnown(root) is { } inner)
            {
                root = inner;
                continue;
            }
            if (Weights(root) is { Count: > 0 } weights)
                return weights;
            if (TakeOnly(root) is not { } single)
                break;
            root = single;
        }
        throw new WeightsException(path, $"it holds no weights: {Describe(root)}. A checkpoint of PyTorch has a dictionary of tensors by "
            + "name.");
    }

    object? Descend(object? root, string key)
    {
        if (Children(root) is { } children && children.Contains(key))
            return children[key];
        foreach (string part in key.Split('.'))
        {
            if (Children(root) is not { } inner || !inner.Contains(part))
                throw new WeightsException(path, $"there is no entry '{key}': {Describe(root)}.");
            root = inner[part];
        }
        return root;
    }

    List<(string Name, object Value)> Required(object? holder, string key)
    {
        if (Weights(holder) is { Count: > 0 } weights)
            return weights;
        if (TakeKnown(holder) is { } inner && Weights(inner) is { Count: > 0 } wrapped)
            return wrapped;
        throw new WeightsException(path, $"the entry '{key}' holds no weights: {Describe(holder)}.");
    }

    /// <summary>The first of the known entries that holds weights, or something that does.</summary>
    object? TakeKnown(object? root)
    {
        if (Children(root) is not { } children)
            return null;
        string[] present = Array.FindAll(KnownKeys, k => HoldsWeights(children[k], 3));
        if (present.Length == 0)
            return null;
        notes.Add($"the weights are those of the file's entry '{present[0]}'" + (present.Length > 1
            ? $"; it also has {string.Join(", ", present.Skip(1).Select(static k => $"'{k}'"))}"
            : ""));
        return children[present[0]];
    }

    /// <summary>The one entry that holds weights under a name that is not known.</summary>
    object? TakeOnly(object? root)
    {
        if (Children(root) is not { } children)
            return null;
        string[] present = [.. children.Texts.Where(c => HoldsWeights(c.Value, 3)).Select(static c => c.Key).Take(MostListed)];
        if (present.Length > 1)
            throw new WeightsException(path, "it holds several sets of weights, "
                + $"{string.Join(", ", present.Select(static k => $"'{k}'"))}; say which with `key`.");
        if (present.Length == 1)
            notes.Add($"the weights are those of the file's entry '{present[0]}'");
        return present.Length == 1 ? children[present[0]] : null;
    }

    static PickleDict? Children(object? value) => value switch
    {
        PickleDict dict => dict,
        PickleObject { State: PickleDict state } => state,
        PickleObject { Items: { } items } => items,
        _ => null,
    };

    /// <summary>Whether it is a dictionary with tensors or a module, or has one in it not too far down.</summary>
    static bool HoldsWeights(object? value, int depth)
    {
        if (Children(value) is not { } children)
            return false;
        if (children.Contains("_modules") && children.Contains("_parameters"))
            return true;
        int looked = 0;
        foreach ((_, object? child) in children.Texts)
        {
            if (IsTensor(child))
                return true;
            if (depth > 0 && looked++ < 100 && HoldsWeights(child, depth - 1))
                return true;
        }
        return false;
    }

    static bool IsTensor(object? value) => value is TorchTensor or UnreadTensor or NumpyArray { Objects: null, Shape.Count: > 0 };

    List<(string Name, object Value)>? Weights(object? holder)
    {
        if (Children(holder) is not { } children)
            return null;
        var found = new List<(string, object)>();
        if (children.Contains("_modules") && children.Contains("_parameters"))
        {
            Flatten(children, "", MostDepth, found, new HashSet<object>(ReferenceEqualityComparer.Instance));
            return found;
        }
        var others = new List<string>();
        foreach ((string name, object? value) in children.Texts)
        {
            if (IsTensor(value))
                found.Add((name, value!));
            else
                others.Add(name);
        }
        if (found.Count > 0 && others.Count > 0)
            notes.Add($"entries beside the weights, which are no tensors: {Listed(others)}");
        return found;
    }

    /// <summary>The tensors of a pickled module: its own, then those of the modules in it.</summary>
    void Flatten(PickleDict module, string prefix, int depth, List<(string, object)> found, HashSet<object> seen)
    {
        if (depth == 0 || !seen.Add(module))
            return;
        foreach (string kind in (ReadOnlySpan<string>)["_parameters", "_buffers"])
            foreach ((string name, object? value) in Children(module[kind])?.Texts ?? [])
                if (IsTensor(value))
                    found.Add((prefix + name, value!));
        foreach ((string name, object? value) in Children(module["_modules"])?.Texts ?? [])
            if (Children(value) is { } inner)
                Flatten(inner, $"{prefix}{name}.", depth - 1, found, seen);
    }

    static string Describe(object? value) => value switch
    {
        TorchTensor => "it is a single tensor without a name",
        PickleObject { State: null, Items: null } unknown => $"it is an object of {unknown.Type}",
        _ => Children(value) is { } dict
            ? dict.Count == 0 ? "it is an empty dictionary" : "its entries are "
                + $"{Listed([.. dict.Texts.Select(static t => t.Key).Take(100)])}"
            : "it is no dictionary",
    };

    static string Listed(List<string> names) => string.Join(", ", names.Take(MostListed).Select(static n => $"'{Short(n)}'"))
        + (names.Count > MostListed ? $" and {names.Count - MostListed} more" : "");

    static string Short(string name) => name.Length <= 60 ? name : name[..60] + "…";
}
