using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Options;

/// <summary>The options of one command, in the order they are listed.</summary>
public sealed class OptionTable
{
    readonly Dictionary<string, OptionSpec> byKey = new(StringComparer.Ordinal);

    internal OptionTable(IReadOnlyList<OptionSpec> specs)
    {
        Specs = specs;
        foreach (OptionSpec spec in specs)
            byKey.Add(Key(spec.Name), spec);
    }

    /// <summary>All options.</summary>
    public IReadOnlyList<OptionSpec> Specs { get; }

    /// <summary>The option of this name, with or without leading dashes, underscores taken as dashes; null when there is none.</summary>
    public OptionSpec? Find(string name) => byKey.GetValueOrDefault(Key(name));

    /// <summary>The names most like an unknown one, best first, as typed; empty when none is near.</summary>
    public IReadOnlyList<string> Suggest(string name) => Suggestions.Nearest(Key(name), Specs.Select(s => s.Name)).Select(n => "--" + n).ToArray();

    static string Key(string name) => name.TrimStart('-').Replace('_', '-');
}

/// <summary>Collects the options of a table; each method adds one kind of option.</summary>
/// <typeparam name="T">The options the table reads and writes.</typeparam>
sealed class OptionTableBuilder<T> where T : RunOptions
{
    readonly List<OptionSpec> specs = [];
    string group = "";

    public OptionTable Build() => new(specs);

    public void Group(string name) => group = name;

    public void Text(string name, Func<T, string?> get, Action<T, string> set, string help, string? alias = null, params string[] choices) =>
        Add(name, OptionKind.Text, o => get(o), (o, v) => set(o, (string)(v ?? "")), help, alias, choices: choices);

    public void TextOrNull(string name, Func<T, string?> get, Action<T, string?> set, string help, string? alias = null, params string[] choices) =>
        Add(name, OptionKind.Text, o => get(o), (o, v) => set(o, (string?)v), help, alias, nullable: true, choices);

    public void Integer(string name, Func<T, int> get, Action<T, int> set, string help, string? alias = null) =>
        Add(name, OptionKind.Integer, o => get(o), (o, v) => set(o, (int)v!), help, alias);

    public void IntegerOrNull(string name, Func<T, int?> get, Action<T, int?> set, string help, string? alias = null) =>
        Add(name, OptionKind.Integer, o => get(o), (o, v) => set(o, (int?)v), help, alias, nullable: true);

    public void Number(string name, Func<T, double> get, Action<T, double> set, string help) =>
        Add(name, OptionKind.Number, o => get(o), (o, v) => set(o, (double)v!), help);

    public void NumberOrNull(string name, Func<T, double?> get, Action<T, double?> set, string help) =>
        Add(name, OptionKind.Number, o => get(o), (o, v) => set(o, (double?)v), help, nullable: true);

    public void Switch(string name, Func<T, bool> get, Action<T, bool> set, string help) =>
        Add(name, OptionKind.Switch, o => get(o), (o, v) => set(o, (bool)v!), help);

    public void Numbers(string name, Func<T, double[]> get, Action<T, double[]> set, string help) =>
        Add(name, OptionKind.Numbers, get, (o, v) => set(o, (double[])v!), help);

    public void NumbersOrNull(string name, Func<T, double[]?> get, Action<T, double[]?> set, string help) =>
        Add(name, OptionKind.Numbers, get, (o, v) => set(o, (double[]?)v), help, nullable: true);

    public void Pairs(string name, Func<T, IReadOnlyDictionary<string, object?>> get, Action<T, IReadOnlyDictionary<string, object?>> set, string help) =>
        Add(name, OptionKind.Pairs, get, (o, v) => set(o, (IReadOnlyDictionary<string, object?>)v!), help);

    void Add(string name, OptionKind kind, Func<T, object?> get, Action<T, object?> set, string help, string? alias = null, bool nullable = false, string[]? choices = null) =>
        specs.Add(new OptionSpec(name, kind, o => get((T)o), (o, v) => set((T)o, v))
        {
            Alias = alias,
            IsNullable = nullable,
            Group = group,
            Help = help,
            Choices = choices ?? [],
        });
}
