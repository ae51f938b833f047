using System.Runtime.CompilerServices;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Cuda.Libraries;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>A library's call that is refused: the status the real library would return, and what it would not say.</summary>
sealed class LibraryError<TStatus>(TStatus status, string text) : SimulatedError(CudaResult.Unknown, text) where TStatus : struct, Enum
{
    public TStatus Status { get; } = status;
}

/// <summary>What <c>cublasCreate</c>, <c>cublasLtCreate</c> and <c>cudnnCreate</c> make.</summary>
abstract class LibraryHandle(SimulatedContext context)
{
    public SimulatedContext Context => context;

    /// <summary>Handle of the stream that work goes to; 0 is the default stream.</summary>
    public nint Stream { get; set; }
}

/// <summary>The way into every entry point of a library: like the driver's own calls one at a time and in the current context, but answered
/// with the library's statuses, of which 0 is success. What was wrong comes out of <see cref="CudaDriverApi.LastFinding"/>.</summary>
/// <param name="prefix">What stands before the name of an entry point.</param>
/// <param name="translate">The status for what goes wrong in the driver beneath the library: no context, a lost one, no memory.</param>
sealed class LibraryEntry<TStatus>(string prefix, Func<CudaResult, TStatus> translate) where TStatus : struct, Enum
{
    /// <summary>A call that works in the current context.</summary>
    /// <param name="body">What it does.</param>
    /// <param name="call">The entry point, which may be refused (<see cref="SimulatedRefusal"/>).</param>
    public TStatus Run(Action<SimulatedContext> body, [CallerMemberName] string call = "")
    {
        TStatus? status = null;
        CudaResult result = Entry.Run(context => Note(() => body(context), call, ref status), call: "");
        return Answer(result, status);
    }

    /// <summary>A call that needs no context: descriptors.</summary>
    /// <inheritdoc cref="Run"/>
    public TStatus Free(Action body, [CallerMemberName] string call = "")
    {
        TStatus? status = null;
        CudaResult result = Entry.Free(() => Note(body, call, ref status));
        return Answer(result, status);
    }

    /// <summary>The object behind a handle or descriptor.</summary>
    /// <param name="handle">What the caller gave.</param>
    /// <param name="what">What it should be, in words.</param>
    /// <param name="status">The library's status where it is none, or one that was destroyed.</param>
    public static T Object<T>(nint handle, string what, TStatus status) where T : class =>
        Handles.Find<T>(handle) ?? throw new LibraryError<TStatus>(status, $"0x{handle:x} is no {what}, or one that was destroyed");

    /// <summary>The handle of a call.</summary>
    /// <param name="context">The current context, which the handle must belong to.</param>
    /// <param name="handle">What the caller gave.</param>
    /// <param name="library">The library.</param>
    /// <param name="unknown">The status where it is no handle, or one that was destroyed.</param>
    /// <param name="foreign">The status where it belongs to another context.</param>
    public static T Handle<T>(SimulatedContext context, nint handle, CudaLibrary library, TStatus unknown, TStatus foreign)
        where T : LibraryHandle
    {
        string what = $"{LibraryNames.Title(library)} handle";
        T found = Object<T>(handle, what, unknown);
        return found.Context == context ? found : throw new LibraryError<TStatus>(foreign, $"the {what} belongs to another context");
    }

    // The error goes on, so that the driver's entry keeps its text.
    void Note(Action body, string call, ref TStatus? status)
    {
        try
        {
            if (Entry.Refused(prefix, call) is not { } code)
                body();
            else if (code != 0)
                throw new LibraryError<TStatus>((TStatus)Enum.ToObject(typeof(TStatus), code),
                    $"the software GPU was told to refuse {prefix}{call}");
        }
        catch (LibraryError<TStatus> error)
        {
            status = error.Status;
            throw;
        }
    }

    TStatus Answer(CudaResult result, TStatus? status) => result == CudaResult.Success ? default : status ?? translate(result);
}
