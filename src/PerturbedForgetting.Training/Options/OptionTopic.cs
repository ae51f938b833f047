namespace PerturbedForgetting.Training.Options;

/// <summary>Options under one heading, in the order in which they are made.</summary>
/// <param name="heading">As the help shows it.</param>
/// <typeparam name="TOptions">The options that have them.</typeparam>
sealed class OptionTopic<TOptions>(string heading) where TOptions : RunOptions
{
    readonly List<OptionSpec> specs = [];

    public string Heading => heading;

    public IReadOnlyList<OptionSpec> Specs => specs;

    /// <summary>An option of any value; a default of null makes null a value.</summary>
    public OptionSpec<TOptions, T> Option<T>(string name, T fallback, string help, string? alias = null) =>
        Add<T>(new(heading, name, KindOf<T>(), fallback, help, isNullable: fallback is null) { Alias = alias });

    /// <summary>One of some values; each is typed by its name.</summary>
    public OptionSpec<TOptions, T> Choice<T>(string name, T fallback, string help, params (string Name, T Value)[] choices) =>
        Add<T>(new(heading, name, OptionKind.Text, fallback, help, isNullable: false, choices));

    /// <summary>One of some texts, or none of them.</summary>
    public OptionSpec<TOptions, string?> ChoiceOrNull(string name, string help, params string[] choices) =>
        Add<string?>(new(heading, name, OptionKind.Text, null, help, isNullable: true, [.. choices.Select(c => (c, c))]));

    OptionSpec<TOptions, T> Add<T>(OptionSpec<TOptions, T> spec)
    {
        specs.Add(spec);
        return spec;
    }

    static OptionKind KindOf<T>() =>
        typeof(T) == typeof(string) ? OptionKind.Text
        : typeof(T) == typeof(bool) ? OptionKind.Switch
        : typeof(T) == typeof(int) || typeof(T) == typeof(int?) ? OptionKind.Integer
        : typeof(T) == typeof(double) || typeof(T) == typeof(double?) ? OptionKind.Number
        : typeof(T) == typeof(double[]) ? OptionKind.Numbers
        : OptionKind.Pairs;
}
