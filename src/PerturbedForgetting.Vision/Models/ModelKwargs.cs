using System.Globalization;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Models;

/// <summary>
/// Binds <see cref="ModelOptions.Kwargs"/> to the options of an architecture. Values are written as in the reference (Python
/// literals): <c>True</c>, <c>16</c>, <c>0.1</c>, <c>[1,1,1,1]</c>; <c>None</c> leaves the default.
/// </summary>
/// <param name="model">Named in messages.</param>
/// <param name="values">What the user wrote.</param>
sealed class ModelKwargs(string model, IReadOnlyDictionary<string, string> values)
{
    static readonly Dictionary<string, string> Elsewhere = new(StringComparer.Ordinal)
    {
        ["num_classes"] = nameof(ModelOptions.NumClasses),
        ["img_size"] = nameof(ModelOptions.ImageSize),
        ["global_pool"] = nameof(ModelOptions.GlobalPool),
        ["drop_rate"] = nameof(ModelOptions.Drop),
        ["bn_momentum"] = nameof(ModelOptions.BnMomentum),
        ["bn_eps"] = nameof(ModelOptions.BnEps),
        ["head_init_bias"] = nameof(ModelOptions.HeadInitBias),
    };

    /// <summary>More layers than this, or wider ones, are a slip: they would take hours to make, and then not fit.</summary>
    public const int MostLayers = 1000, MostFeatures = 1 << 16;

    readonly List<string> accepted = [];

    public bool? Flag(string name) => Read(name) switch
    {
        null => null,
        "True" or "true" or "1" => true,
        "False" or "false" or "0" => false,
        var text => throw Wrong(name, text, "True or False"),
    };

    public int? Whole(string name, int most)
    {
        if (Read(name) is not { } text)
            return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0 && value <= most
            ? value
            : throw Wrong(name, text, $"a whole number from 1 to {most}");
    }

    public double? Number(string name)
    {
        if (Read(name) is not { } text)
            return null;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            && value is >= 1e-3 and <= 1e3
            ? value
            : throw Wrong(name, text, "a number from 0.001 to 1000");
    }

    public T? Choice<T>(string name, IReadOnlyDictionary<string, T> choices) where T : struct
    {
        if (Read(name) is not { } text)
            return null;
        text = text.Trim('\'', '"');
        return choices.TryGetValue(text, out var value)
            ? value
            : throw Wrong(name, text, "one of " + string.Join(", ", choices.Keys.Select(k => k.Length == 0 ? "''" : k)));
    }

    /// <summary>As many numbers as the model has by default.</summary>
    public IReadOnlyList<int> Wholes(string name, IReadOnlyList<int> fallback)
    {
        if (Read(name) is not { } text)
            return fallback;
        string[] items = text.Trim('[', ']', '(', ')').Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var numbers = new int[items.Length];
        for (int i = 0; i < items.Length; i++)
            if (!int.TryParse(items[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]) || numbers[i] is 0 or > MostLayers)
                throw Wrong(name, text, Example(fallback));
        return numbers.Length == fallback.Count ? numbers : throw Wrong(name, text, Example(fallback));
    }

    /// <summary>Refuses what nothing has read.</summary>
    /// <exception cref="ModelOptionException">A name is unknown, or belongs to an option of its own.</exception>
    public void Complete()
    {
        foreach (string name in values.Keys)
        {
            if (Elsewhere.TryGetValue(name, out string? option))
                throw new ModelOptionException($"{Given(name, values[name])}: give this with `{option}`, which would collide with it.");
            if (!accepted.Contains(name))
            {
                throw new ModelOptionException(
                    $"{Given(name, values[name])}: {model} has no such option."
                    + $"{Suggestions.DidYouMean(name, accepted)} It accepts {string.Join(", ", accepted)}.");
            }
        }
    }

    static string Example(IReadOnlyList<int> numbers) =>
        $"{numbers.Count} whole numbers from 1 to {MostLayers}, such as [{string.Join(",", numbers)}]";

    string? Read(string name)
    {
        accepted.Add(name);
        string? text = values.GetValueOrDefault(name)?.Trim();
        return text == "None" ? null : text;
    }

    ModelOptionException Wrong(string name, string text, string expected) =>
        new($"{Given(name, text)}: {model} expects {expected}.");

    static string Given(string name, string text) => $"`{nameof(ModelOptions.Kwargs)}` {name}={text}";
}
