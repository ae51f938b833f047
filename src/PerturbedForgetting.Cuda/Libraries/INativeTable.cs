namespace PerturbedForgetting.Cuda.Libraries;

/// <summary>
/// The entry points of a library that the engine calls: a sequential struct of unmanaged function pointers and of nothing else. Another
/// entry is a field and, in its place, the name of its export; the software GPU fills the same struct. Handles and descriptors are
/// pointer-sized integers, addresses of the device are <c>ulong</c>, pointers are the host's.
/// </summary>
public interface INativeTable
{
    /// <summary>The library that has them.</summary>
    static abstract CudaLibrary Library { get; }

    /// <summary>What stands before a field's name in messages: <c>cublas</c>.</summary>
    static abstract string Prefix { get; }

    /// <summary>The export of each field, in the order of the fields; behind a bar an older one that will do. A library that lacks the
    /// first is another library.</summary>
    static abstract string[] Exports { get; }

    /// <summary>Address of the function that answers for an export that is missing. On x64 and arm64 the caller clears the arguments
    /// away, so that one function stands in for any signature with its result.</summary>
    /// <param name="export">The export.</param>
    /// <param name="isSupported">Whether there is a library, which lacks this one.</param>
    static abstract nint StandIn(string export, bool isSupported);
}
