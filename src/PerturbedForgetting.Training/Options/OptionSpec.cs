using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Options;

/// <summary>
/// The one place that describes an option: its name, type, default and meaning, which values are wrong, alone or beside others, and what
/// a resume does with a changed one. The command line, JSON, the checks and the documents follow it.
/// </summary>
public abstract class OptionSpec
{
    private protected OptionSpec(string group, string name, OptionKind kind, string help)
    {
        Group = group;
        Name = name;
        Kind = kind;
        Help = help;
        Parameters = [name.Replace("-", "", StringComparison.Ordinal)];
    }

    /// <summary>Name without dashes, also the key in JSON: <c>batch-size</c>.</summary>
    public string Name { get; }

    /// <summary>Name as typed: <c>--batch-size</c>.</summary>
    public string Flag => "--" + Name;

    /// <summary>Short form such as <c>-b</c>, or null.</summary>
    public string? Alias { get; internal init; }

    /// <summary>What the value is made of.</summary>
    public OptionKind Kind { get; }

    /// <summary>Whether the value may be absent (null).</summary>
    public bool IsNullable { get; private protected init; }

    /// <summary>Heading it is listed under.</summary>
    public string Group { get; private set; }

    /// <summary>One sentence.</summary>
    public string Help { get; private set; }

    /// <summary>The only permitted texts; empty when any will do.</summary>
    public IReadOnlyList<string> Choices { get; private protected init; } = [];

    /// <summary>Whether a list of this option may be given without its name being repeated.</summary>
    public bool TakesSeveral => Kind is OptionKind.Numbers or OptionKind.Pairs;

    /// <summary>What a resume does when the value is another than the checkpoint's.</summary>
    internal ResumeRule Resume { get; private protected set; } = ResumeRule.Used();

    /// <summary>Whether a checkpoint says it of its model, so that an evaluation need not be told.</summary>
    internal bool IsOfTheModel { get; private protected set; }

    /// <summary>Whether each of several processes may have its own value: nothing that is computed hangs on it.</summary>
    internal bool IsOfAProcess { get; private protected set; }

    /// <summary>What libraries call it: names of the parameters that its value becomes.</summary>
    internal IReadOnlyList<string> Parameters { get; private protected set; }

    /// <summary>The value in these options, as it is typed (see <see cref="Kind"/>): a choice is its text.</summary>
    public abstract object? Get(RunOptions options);

    /// <summary>Puts a value, as it is typed, into these options; a choice that there is not is kept for the checks to name.</summary>
    public abstract void Set(RunOptions options, object? value);

    /// <summary>The value in these options as text.</summary>
    public string Show(RunOptions options) => OptionValue.Format(Get(options));

    /// <summary>What is wrong with the value in these options, alone or beside others.</summary>
    internal abstract IEnumerable<OptionProblem> Check(RunOptions options);

    /// <summary>The same option as another command lists it.</summary>
    internal OptionSpec As(string group, string help)
    {
        var copy = (OptionSpec)MemberwiseClone();
        (copy.Group, copy.Help) = (group, help);
        return copy;
    }

    /// <inheritdoc/>
    public override string ToString() => Flag;
}

/// <summary>An option whose value has a type; each method that returns the option itself says one more thing about it.</summary>
/// <typeparam name="TOptions">The options that have it.</typeparam>
/// <typeparam name="T">Type of its value.</typeparam>
sealed class OptionSpec<TOptions, T> : OptionSpec where TOptions : RunOptions
{
    readonly T fallback;
    readonly (string Name, T Value)[] choices;
    readonly List<(Func<TOptions, IEnumerable<string>> Messages, bool IsError)> rules = [];

    /// <param name="group">Heading.</param>
    /// <param name="name">Without dashes.</param>
    /// <param name="kind">How the value is typed.</param>
    /// <param name="fallback">The default.</param>
    /// <param name="help">One sentence.</param>
    /// <param name="isNullable">Whether null is a value.</param>
    /// <param name="choices">The only values, by what is typed for them; none when any will do.</param>
    public OptionSpec(
        string group, string name, OptionKind kind, T fallback, string help, bool isNullable, params (string Name, T Value)[] choices)
        : base(group, name, kind, help)
    {
        (this.fallback, this.choices) = (fallback, choices);
        (IsNullable, Choices) = (isNullable, [.. choices.Select(c => c.Name)]);
    }

    /// <summary>The value in these options; the default in place of a choice that there is not.</summary>
    public T this[TOptions options]
    {
        get => !options.Values.TryGetValue(Name, out object? value) ? Fallback(options)
            : value is null ? default!
            : value is T known ? known : fallback;
        set => options.Values[Name] = value;
    }

    public override object? Get(RunOptions options)
    {
        object? value = options.Values.TryGetValue(Name, out object? stored) ? stored : Fallback((TOptions)options);
        bool isAsTyped = choices.Length == 0 || value is string || (value is null && IsNullable);
        return isAsTyped ? value : Array.Find(choices, c => Equals(c.Value, value)).Name;
    }

    public override void Set(RunOptions options, object? value)
    {
        int choice = value is string ? Array.FindIndex(choices, c => c.Name == (string)value) : -1;
        options.Values[Name] = choice >= 0 ? choices[choice].Value : choices.Length > 0 ? value : (T?)value;
    }

    internal override IEnumerable<OptionProblem> Check(RunOptions options)
    {
        if (Choices.Count > 0 && Get(options) is string text && !Choices.Contains(text))
        {
            string choices = string.Join(", ", Choices.Select(c => c.Length == 0 ? "\"\"" : c));
            yield return new OptionProblem(Flag, $"'{text}' is not one of {choices}.{Suggestions.DidYouMean(text, Choices)}");
        }
        foreach (var (messages, isError) in rules)
            foreach (string message in messages((TOptions)options))
                yield return new OptionProblem(Flag, message, isError);
    }

    /// <summary>Refuses a value, unless it is absent, for which the condition does not hold.</summary>
    /// <param name="holds">What must hold.</param>
    /// <param name="must">The beginning of the message, which goes on with the value.</param>
    public OptionSpec<TOptions, T> Must(Func<T, bool> holds, string must) =>
        RefusedWhen(o => this[o] is not null && !holds(this[o]), o => $"{must}, got {Show(o)}.");

    /// <summary>Refuses smaller numbers.</summary>
    public OptionSpec<TOptions, T> AtLeast(double least) => Must(v => Number(v) >= least, $"must be at least {OptionValue.Format(least)}");

    /// <summary>Refuses numbers outside; both ends are allowed.</summary>
    public OptionSpec<TOptions, T> Within(double least, double most) =>
        Must(v => Number(v) >= least && Number(v) <= most, $"must lie in {OptionValue.Format(least)} to {OptionValue.Format(most)}");

    /// <summary>Refuses 1 and more, and less than 0.</summary>
    public OptionSpec<TOptions, T> AShare() => Must(v => Number(v) is >= 0 and < 1, "must be at least 0 and below 1");

    /// <summary>Refuses numbers below 0.</summary>
    public OptionSpec<TOptions, T> NotNegative() => Must(v => Number(v) >= 0 && double.IsFinite(Number(v)), "must not be negative");

    /// <summary>Refuses 0 and less.</summary>
    public OptionSpec<TOptions, T> Positive() => Must(v => Number(v) > 0, "must be positive");

    /// <summary>Refuses a file's name that is empty.</summary>
    public OptionSpec<TOptions, T> AFile() =>
        RefusedWhen(o => this[o] is string file && string.IsNullOrWhiteSpace(file), "is empty; name a file, or leave the option out.");

    /// <summary>Refuses the options, with a message for this one.</summary>
    public OptionSpec<TOptions, T> RefusedWhen(Func<TOptions, bool> when, Func<TOptions, string> message) =>
        RefusedForEach(o => when(o) ? [message(o)] : []);

    /// <inheritdoc cref="RefusedWhen(Func{TOptions, bool}, Func{TOptions, string})"/>
    public OptionSpec<TOptions, T> RefusedWhen(Func<TOptions, bool> when, string message) => RefusedWhen(when, _ => message);

    /// <summary>Refuses the options once for each message.</summary>
    public OptionSpec<TOptions, T> RefusedForEach(Func<TOptions, IEnumerable<string>> messages) => Rule(messages, isError: true);

    /// <summary>Says something about this option that does not hinder a run.</summary>
    public OptionSpec<TOptions, T> NotedWhen(Func<TOptions, bool> when, Func<TOptions, string> message) =>
        Rule(o => when(o) ? [message(o)] : [], isError: false);

    /// <inheritdoc cref="NotedWhen(Func{TOptions, bool}, Func{TOptions, string})"/>
    public OptionSpec<TOptions, T> NotedWhen(Func<TOptions, bool> when, string message) => NotedWhen(when, _ => message);

    /// <summary>What a resume does with a changed value, where that is not to use it from the next update on.</summary>
    public OptionSpec<TOptions, T> OnResume(ResumeRule rule)
    {
        Resume = rule;
        return this;
    }

    /// <summary>Libraries call it something else than its own name.</summary>
    public OptionSpec<TOptions, T> KnownAs(string parameter)
    {
        Parameters = [.. Parameters, parameter];
        return this;
    }

    /// <summary>A checkpoint says it of its model.</summary>
    public OptionSpec<TOptions, T> OfTheModel()
    {
        IsOfTheModel = true;
        return this;
    }

    /// <summary>Each of several processes may have its own value.</summary>
    public OptionSpec<TOptions, T> OfAProcess()
    {
        IsOfAProcess = true;
        return this;
    }

    OptionSpec<TOptions, T> Rule(Func<TOptions, IEnumerable<string>> messages, bool isError)
    {
        rules.Add((messages, isError));
        return this;
    }

    /// <summary>The default; an array is the options' own, so that changing its items changes nothing elsewhere.</summary>
    T Fallback(TOptions options) => fallback is Array array ? this[options] = (T)array.Clone() : fallback;

    static double Number(T value) => Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture);
}
