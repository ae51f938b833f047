namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>A native library by its table of entry points, filled from the shared library (<see cref="Installed"/>) or by the software
/// GPU. An entry is never null: one that the library lacks answers that it is not there, and so do all where there is no library.</summary>
/// <typeparam name="TApi">The library's own class.</typeparam>
/// <typeparam name="TTable">Its table.</typeparam>
public abstract class NativeApi<TApi, TTable> where TApi : NativeApi<TApi, TTable>, new() where TTable : unmanaged, INativeTable
{
    static readonly Lazy<TApi> installed = new(static () => Load(LibrarySearch.Open(TTable.Library)));

    TTable table;

    /// <summary>One that is not there.</summary>
    protected NativeApi() => NativeTable.Fill(ref table, static _ => 0, isSupported: false);

    /// <summary>The library of this machine, looked for once (<see cref="LibrarySearch"/>); not supported where there is none. Never
    /// throws.</summary>
    public static TApi Installed => installed.Value;

    /// <summary>The entry points, to be called.</summary>
    public ref readonly TTable Call => ref table;

    /// <summary>The entry points of a library that is there.</summary>
    public TTable Entries
    {
        init => (table, IsSupported) = (value, true);
    }

    /// <summary>Whether there is a library behind the table.</summary>
    public bool IsSupported { get; private set; }

    /// <summary>Where the entries come from: the library's path, <c>software GPU</c>, or why there are none.</summary>
    public string Origin { get; init; } = "";

    /// <summary>The entry points that the library lacks, by their export names.</summary>
    public IReadOnlyList<string> MissingExports { get; private set; } = [];

    /// <summary>The product's name.</summary>
    internal static string Title => LibraryNames.Title(TTable.Library);

    /// <summary>The table of a library with these exports; 0 stands for one that is missing.</summary>
    internal static TApi From(Func<string, nint> export, string origin)
    {
        if (export(TTable.Exports[0]) == 0)
            return Absent($"{origin} is no {Title}");
        TApi made = new() { Origin = origin };
        NativeApi<TApi, TTable> api = made;
        api.IsSupported = true;
        api.MissingExports = NativeTable.Fill(ref api.table, export, isSupported: true);
        return made;
    }

    /// <summary>The table where there is no library.</summary>
    /// <param name="reason">Why there is none.</param>
    internal static TApi Absent(string reason) => new() { Origin = reason };

    /// <summary>The entry point of a call as it was written: <c>Api.Call.MemAlloc(&amp;address, bytes)</c> → <c>cuMemAlloc</c>.</summary>
    internal static string EntryPoint(string call)
    {
        int end = call.IndexOf('(');
        string path = end < 0 ? call : call[..end];
        return TTable.Prefix + path[(path.LastIndexOf('.') + 1)..].Trim();
    }

    /// <summary>What is wrong with the library; null when it can be used.</summary>
    /// <param name="version">Its version; null when it does not tell.</param>
    /// <param name="oldest">The oldest major version that can be used.</param>
    /// <param name="newest">The newest.</param>
    private protected string? Unusable(Version? version, int oldest, int newest) =>
        !IsSupported ? $"there is no {Title}: {Origin}"
        : version is null ? $"{Title} ({Origin}) does not tell its version"
        : version.Major < oldest || version.Major > newest
            ? $"{Title} ({Origin}) is of version {version}; {(oldest == newest ? $"{oldest}" : $"{oldest} or {newest}")} is needed"
        : MissingExports.Count > 0 ? $"{Title} {version} ({Origin}) lacks {string.Join(", ", MissingExports)}"
        : null;

    static TApi Load(LibraryReport library) =>
        library.Handle == 0 ? Absent(library.Origin) : From(NativeTable.ExportsOf(library.Handle), library.Origin);
}
