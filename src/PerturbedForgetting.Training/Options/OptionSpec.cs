namespace PerturbedForgetting.Training.Options;

/// <summary>What an option's value is made of.</summary>
public enum OptionKind
{
    /// <summary>One text.</summary>
    Text,

    /// <summary>One whole number (<see cref="int"/>).</summary>
    Integer,

    /// <summary>One number (<see cref="double"/>).</summary>
    Number,

    /// <summary>On or off; on the command line the name alone switches it on.</summary>
    Switch,

    /// <summary>One or more numbers (<see cref="double"/> array).</summary>
    Numbers,

    /// <summary>Pairs <c>key=value</c> (dictionary).</summary>
    Pairs,
}

/// <summary>The one place that describes an option: how it is called, what it means, and where its value lives.</summary>
public sealed class OptionSpec
{
    readonly Func<RunOptions, object?> get;
    readonly Action<RunOptions, object?> set;

    internal OptionSpec(string name, OptionKind kind, Func<RunOptions, object?> get, Action<RunOptions, object?> set)
    {
        Name = name;
        Kind = kind;
        this.get = get;
        this.set = set;
    }

    /// <summary>Name without dashes, also the key in JSON: <c>batch-size</c>.</summary>
    public string Name { get; }

    /// <summary>Name as typed: <c>--batch-size</c>.</summary>
    public string Flag => "--" + Name;

    /// <summary>Short form such as <c>-b</c>, or null.</summary>
    public string? Alias { get; init; }

    /// <summary>What the value is made of.</summary>
    public OptionKind Kind { get; }

    /// <summary>Whether the value may be absent (null).</summary>
    public bool IsNullable { get; init; }

    /// <summary>Heading it is listed under.</summary>
    public string Group { get; init; } = "";

    /// <summary>One sentence.</summary>
    public string Help { get; init; } = "";

    /// <summary>The only permitted texts; empty when any will do.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Whether a list of this option may be given without its name being repeated.</summary>
    public bool TakesSeveral => Kind is OptionKind.Numbers or OptionKind.Pairs;

    /// <summary>The value in these options.</summary>
    public object? Get(RunOptions options) => get(options);

    /// <summary>Puts a value of the right type (see <see cref="Kind"/>) into these options.</summary>
    public void Set(RunOptions options, object? value) => set(options, value);

    /// <inheritdoc/>
    public override string ToString() => Flag;
}
