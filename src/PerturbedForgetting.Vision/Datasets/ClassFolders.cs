using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>The classes that the names of folders stand for.</summary>
static class ClassFolders
{
    /// <summary>Puts folders in the order of their classes, and gives the classes: those that are asked for, or else the folders.</summary>
    /// <param name="where">What holds the folders, for messages.</param>
    /// <param name="folders">Their names, in ordinal order.</param>
    /// <param name="options">Order, class map, classes of the training set.</param>
    /// <param name="notes">Receives what differs.</param>
    /// <exception cref="DatasetException">A folder is none of the classes that are asked for.</exception>
    public static ClassList Resolve(string where, List<string> folders, DatasetOptions options, List<string> notes)
    {
        if (options.ClassOrder == ClassOrder.Natural)
            folders.Sort(NaturalOrder.Instance);
        ClassList? required = options.ClassMapFile is { } map ? ClassMap.Read(map) : options.Classes;
        if (options is { ClassMapFile: not null, Classes: { } model } && model.DescribeDifference(required!) is { } difference)
            notes.Add(difference);
        ClassList classes = required ?? new ClassList(folders);
        Check(where, folders, classes, options, notes);
        return classes;
    }

    /// <summary>The first few names, quoted.</summary>
    public static string Abbreviate(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(8).Select(n => $"'{n}'")) + (names.Count > 8 ? $" and {names.Count - 8} more" : "");

    static void Check(string where, List<string> folders, ClassList classes, DatasetOptions options, List<string> notes)
    {
        string origin = options.ClassMapFile is null ? "the training set" : options.ClassMapFile;
        List<string> unknown = folders.FindAll(f => classes.IndexOf(f) < 0);
        if (unknown.Count > 0)
        {
            // File systems of different makers write the same accented name with different characters.
            string accents = unknown.Exists(HasCombiningMark) || classes.Names.Any(HasCombiningMark)
                ? "; letters and accents are separate characters in some of these names, which makes them other names: rename the folders "
                + "alike" : "";
            throw new DatasetException(
                $"{where}: {Abbreviate(unknown)} {(unknown.Count == 1 ? "is no class" : "are no classes")} of {origin} ("
                + $"{Quantity.Of(classes.Count, "class", "classes")}: {Abbreviate(classes.Names)}){accents}");
        }
        var present = folders.Select(classes.IndexOf).ToHashSet();
        List<string> missing = [.. classes.Names.Where((_, i) => !present.Contains(i))];
        if (missing.Count > 0)
            notes.Add($"{where} lacks {missing.Count} of the {Quantity.Of(classes.Count, "class", "classes")} of {origin}: "
                + $"{Abbreviate(missing)}; the others keep their numbers");
    }

    static bool HasCombiningMark(string name) => name.AsSpan().ContainsAnyInRange('\u0300', '\u036F');
}
