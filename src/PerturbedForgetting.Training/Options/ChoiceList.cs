using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Training.Options;

/// <summary>The values that an option takes one or several of, by what is typed for them.</summary>
/// <param name="all">Each with its name.</param>
sealed class ChoiceList<T>(params (string Name, T Value)[] all)
{
    /// <summary>Names that somebody may expect among them, and why they are not.</summary>
    public IReadOnlyDictionary<string, string> Missing { get; init; } = new Dictionary<string, string>();

    /// <summary>Each with its name.</summary>
    public (string Name, T Value)[] All => all;

    /// <summary>The name of a value.</summary>
    public string NameOf(T value) => Array.Find(all, c => Equals(c.Value, value)).Name;

    /// <summary>The values that a list names, each once; what it has besides is passed over.</summary>
    /// <param name="list">Names with commas between.</param>
    public IEnumerable<T> Parse(string list) =>
        Split(list).SelectMany(name => all.Where(c => c.Name == name)).Select(static c => c.Value).Distinct();

    /// <summary>What is wrong with a list.</summary>
    /// <param name="list">Names with commas between.</param>
    public IEnumerable<string> Problems(string list)
    {
        string[] given = Split(list), names = [.. all.Select(static c => c.Name)];
        if (given.Length == 0)
            yield return $"names none of {string.Join(", ", names)}.";
        foreach (string name in given.Except(names, StringComparer.Ordinal))
        {
            yield return Missing.TryGetValue(name, out string? reason)
                ? $"'{name}' {reason}"
                : $"'{name}' is not one of {string.Join(", ", names)}.{Suggestions.DidYouMean(name, names)}";
        }
    }

    static string[] Split(string list) => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
