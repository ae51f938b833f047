using System.Runtime.CompilerServices;
using System.Text;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>An MPI library: its entry points, and the values that its family has for what the standard leaves open.</summary>
public sealed unsafe class MpiApi
{
    // MPICH's is the longest.
    const int TextBytes = 8192;

    MpiTable table;

    MpiApi(string origin) => Origin = origin;

    /// <summary>The library that belongs to what started this process, looked for once (<see cref="MpiSearch"/>); not supported where there
    /// is none. Never throws, and starts nothing.</summary>
    public static MpiApi Installed => MpiSearch.Open().Api;

    /// <summary>Whether there is a library.</summary>
    public bool IsSupported { get; private init; }

    /// <summary>Its path, or why there is none.</summary>
    public string Origin { get; }

    /// <summary>Which implementations it is called like.</summary>
    public MpiFamily Family { get; private init; }

    /// <summary>What the library says of itself, in one line; empty where there is none.</summary>
    public string Version { get; private set; } = "";

    /// <summary>Its name and version, for people: <c>Open MPI 4.1.4</c>.</summary>
    public string Name { get; private set; } = "MPI";

    internal MpiConstants Constants { get; private init; } = MpiConstants.Mpich;

    internal ref readonly MpiTable Call => ref table;

    /// <summary>The family of a library with these exports; 0 stands for one that is missing.</summary>
    internal static MpiFamily FamilyOf(Func<string, nint> export) =>
        export(MpiConstants.OpenMpiMark) != 0 ? MpiFamily.OpenMpi : MpiFamily.Mpich;

    /// <summary>The library with these exports, which is not supported where it lacks some.</summary>
    internal static MpiApi From(Func<string, nint> export, string origin)
    {
        if (export(MpiTable.Exports[0]) == 0)
            return Absent($"{origin} is no MPI library of version 3 or later");
        List<string> missing = [];
        MpiFamily family = FamilyOf(export);
        MpiConstants constants = family == MpiFamily.OpenMpi ? MpiConstants.OpenMpi(export, missing) : MpiConstants.Mpich;
        MpiApi api = new(origin) { IsSupported = true, Family = family, Constants = constants };
        missing.AddRange(NativeTable.Fill(ref api.table, MpiTable.Exports, export, static _ => 0));
        if (missing.Count > 0)
            return Absent($"{origin} cannot be used: it lacks {string.Join(", ", missing)}");
        string version = api.Text(api.table.Get_library_version);
        (api.Version, api.Name) = (MpiVersionText.Line(version), MpiVersionText.Name(version));
        return api;
    }

    /// <summary>Where there is no library.</summary>
    /// <param name="reason">Why there is none.</param>
    internal static MpiApi Absent(string reason) => new(reason);

    /// <summary>Throws what a failed call means.</summary>
    /// <exception cref="MpiException">It failed.</exception>
    internal void Check(int code, [CallerArgumentExpression(nameof(code))] string call = "")
    {
        if (code != 0)
            Throw(code, call);
    }

    /// <summary>What a function writes that is given a text and its length.</summary>
    internal string Text(delegate* unmanaged<byte*, int*, int> function)
    {
        byte* text = stackalloc byte[TextBytes];
        int length = 0;
        return function(text, &length) == 0 ? Encoding.UTF8.GetString(text, Math.Clamp(length, 0, TextBytes)).TrimEnd('\0') : "";
    }

    void Throw(int code, string call)
    {
        int errorClass = code, length = 0;
        byte* text = stackalloc byte[TextBytes];
        Call.Error_class(code, &errorClass);
        string said = Call.Error_string(code, text, &length) == 0
            ? Encoding.UTF8.GetString(text, Math.Clamp(length, 0, TextBytes)).TrimEnd('\0')
            : "";
        int end = call.IndexOf('(');
        string path = end < 0 ? call : call[..end];
        throw new MpiException(Name, "MPI_" + path[(path.LastIndexOf('.') + 1)..].Trim(), code, MpiErrors.NameOf(Family, errorClass), said);
    }
}
