using System.Runtime.InteropServices;

namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>Fills the tables of native libraries.</summary>
static class NativeTable
{
    /// <summary>The exports of a library that was loaded: their addresses by their names, 0 for one that it lacks.</summary>
    public static Func<string, nint> ExportsOf(nint library) =>
        name => NativeLibrary.TryGetExport(library, name, out nint address) ? address : 0;

    /// <summary>Fills every field.</summary>
    /// <param name="table">The table.</param>
    /// <param name="export">Address of an export; 0 stands for one that is missing.</param>
    /// <param name="isSupported">Whether there is a library.</param>
    /// <returns>The exports that are missing.</returns>
    public static IReadOnlyList<string> Fill<TTable>(ref TTable table, Func<string, nint> export, bool isSupported)
        where TTable : unmanaged, INativeTable =>
        Fill(ref table, TTable.Exports, export, name => TTable.StandIn(name, isSupported));

    /// <summary>Fills every field of a struct of unmanaged function pointers and of nothing else.</summary>
    /// <param name="table">The table.</param>
    /// <param name="exports">The export of each field, in the order of the fields; behind a bar an older one that will do.</param>
    /// <param name="export">Address of an export; 0 stands for one that is missing.</param>
    /// <param name="standIn">What stands in for an export that is missing.</param>
    /// <returns>The exports that are missing.</returns>
    public static IReadOnlyList<string> Fill<TTable>(ref TTable table, string[] exports, Func<string, nint> export,
        Func<string, nint> standIn) where TTable : unmanaged
    {
        List<string> missing = [];
        Span<nint> entries = MemoryMarshal.Cast<TTable, nint>(new Span<TTable>(ref table));
        for (int i = 0; i < entries.Length; i++)
        {
            string[] names = exports[i].Split('|');
            entries[i] = names.Select(export).FirstOrDefault(static address => address != 0);
            if (entries[i] != 0)
                continue;
            missing.Add(names[0]);
            entries[i] = standIn(names[0]);
        }
        return missing;
    }
}
