using Microsoft.Win32.SafeHandles;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>Reads files as a disk does that fails now and then.</summary>
/// <param name="failures">What happens at the first calls, one after the other; then all goes well.</param>
sealed class FailingReads(params IEnumerable<FailingReads.Failure> failures) : FileReads
{
    readonly Queue<Failure> left = new(failures);

    /// <summary>What a call does instead of its work.</summary>
    public enum Failure
    {
        /// <summary>Opening fails: another program has the file for itself.</summary>
        Locked,

        /// <summary>Reading fails.</summary>
        Device,

        /// <summary>Reading ends too early.</summary>
        Short,

        /// <summary>The file is not there, which is no failure that passes.</summary>
        Missing,
    }

    public int Opened { get; private set; }

    public override SafeFileHandle Open(string path)
    {
        Opened++;
        return Next(Failure.Locked) ? throw new IOException("locked", TransientErrors.Locked)
            : Next(Failure.Missing) ? throw new FileNotFoundException("missing", path)
            : base.Open(path);
    }

    public override int Read(SafeFileHandle handle, Span<byte> into, long offset) =>
        Next(Failure.Device) ? throw new IOException("Input/output error", TransientErrors.Device)
        : Next(Failure.Short) ? 0
        : base.Read(handle, into, offset);

    bool Next(Failure kind) => left.TryPeek(out Failure next) && next == kind && left.TryDequeue(out _);
}
