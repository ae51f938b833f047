using System.Globalization;
using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>Makes classes of what samples say of them: numbers, or names.</summary>
static class LabelTexts
{
    // As many as the largest sets have; more must be borne out by samples.
    const int PlausibleClasses = 1 << 15, PlausibleClassesASample = 10, PlausibleTexts = 1000;

    /// <summary>The classes, and the number of each label.</summary>
    /// <param name="where">The set, for messages.</param>
    /// <param name="labels">The labels that occur, those with problems too.</param>
    /// <param name="samples">How many samples have them.</param>
    /// <param name="required">Classes that labels must follow; null where there are none.</param>
    /// <exception cref="DatasetException">A label is no class, or they are no labels.</exception>
    public static (ClassList Classes, Dictionary<SampleLabel, int> Numbers) Resolve(
        string where, IReadOnlyCollection<SampleLabel> labels, int samples, ClassList? required)
    {
        List<SampleLabel> good = [.. labels.Where(static l => l.Problem.Length == 0)];
        if (good.Count == 0)
            throw new DatasetException($"{where}: no sample has a label; " + (labels.FirstOrDefault().Problem is { Length: > 0 } problem
                ? $"of the first, {problem}" : "there is no sample"));
        bool areNumbers = good.TrueForAll(static l => IsNumber(l.Text, out _))
            && (required is null || good.TrueForAll(l => required.IndexOf(l.Text) < 0));
        ClassList classes = areNumbers ? Numbered(where, good, samples, required) : required ?? Named(where, good, samples);
        var numbers = new Dictionary<SampleLabel, int>();
        foreach (SampleLabel label in good)
        {
            int number = areNumbers ? int.Parse(label.Text, CultureInfo.InvariantCulture) : classes.IndexOf(label.Text);
            numbers[label] = number >= 0 ? number
                : throw new DatasetException($"{where}: label '{label.Text}' is not among the "
                    + $"{Quantity.Of(classes.Count, "class", "classes")} of the training set");
        }
        return (classes, numbers);
    }

    /// <summary>Classes that numbers count, with names if the samples or the required classes tell them.</summary>
    static ClassList Numbered(string where, List<SampleLabel> labels, int samples, ClassList? required)
    {
        int highest = labels.Max(static l => int.Parse(l.Text, CultureInfo.InvariantCulture));
        if (required?.Count > highest)
            return required;
        if (highest >= Math.Max(PlausibleClasses, (long)PlausibleClassesASample * samples))
            throw new DatasetException($"{where}: label {highest} would make {highest + 1L} classes of {Quantity.Of(samples, "sample")}; "
                + $"correct it, or list the classes with `{nameof(DatasetOptions.ClassMapFile)}` FILE");
        var names = new string[highest + 1];
        foreach (SampleLabel label in labels.Where(static l => l.Name.Length > 0))
            names[int.Parse(label.Text, CultureInfo.InvariantCulture)] = label.Name;
        bool areNamed = labels.TrueForAll(l => l.Name == names[int.Parse(l.Text, CultureInfo.InvariantCulture)])
            && names.Distinct(StringComparer.Ordinal).Count() == names.Length && !names.Contains(null);
        return new ClassList(areNamed ? names : Enumerable.Range(0, highest + 1).Select(i => i.ToString(CultureInfo.InvariantCulture)));
    }

    static ClassList Named(string where, List<SampleLabel> labels, int samples)
    {
        List<string> names = [.. labels.Select(static l => l.Text).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        return names.Count <= PlausibleTexts || names.Count <= samples / 2 ? new ClassList(names)
            : throw new DatasetException($"{where}: {Quantity.Of(samples, "sample")} have {names.Count} different labels, such as "
                + $"'{names[0]}': they are texts, not classes");
    }

    static bool IsNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
