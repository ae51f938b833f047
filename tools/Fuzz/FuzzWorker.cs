using System.Diagnostics;

namespace PerturbedForgetting.Fuzz;

/// <summary>Something that a reader should not have done.</summary>
/// <param name="Number">The mutant's number.</param>
/// <param name="What">What it did, in a line.</param>
sealed record Finding(int Number, string What);

/// <summary>Gives mutants to a reader and watches what it takes.</summary>
sealed class FuzzWorker(FuzzTarget target, int seed) : IDisposable
{
    /// <summary>Bytes that a mutant may take beside <see cref="BytesOfPixel"/>.</summary>
    public const long MostBytes = 64 << 20;

    /// <summary>Bytes that a pixel may take.</summary>
    public const int BytesOfPixel = 16;

    /// <summary>How many times its own size a container may take, beside <see cref="BytesOfContainer"/>: for streams, buffers of files,
    /// and tables that every reader makes.</summary>
    public const int TimesItsSize = 10;

    /// <summary>Bytes that a container of any size may take.</summary>
    public const long BytesOfContainer = 1 << 20;

    /// <summary>Memory outside of the heap shows only in that of the whole process, with whatever else it keeps.</summary>
    const long SlackOfProcess = 512L << 20;

    static readonly TimeSpan MostTime = TimeSpan.FromSeconds(1);

    readonly long startSet = Environment.WorkingSet;
    FuzzReader reader = target.Open();
    long mostPixels;

    /// <summary>Reads a mutant.</summary>
    public Finding? Try(int number)
    {
        byte[] mutant = target.Mutant(seed, number);
        TimeSpan least = TimeSpan.MaxValue;
        long fewest = long.MaxValue, limit = 0, pixels = 0;
        // A busy machine may hold up any of them once, and a busy process may allocate meanwhile.
        for (int attempt = 0; attempt < 3 && (least > MostTime || fewest > limit); attempt++)
        {
            long bytes = Allocated(), started = Stopwatch.GetTimestamp();
            try
            {
                pixels = reader.Read(mutant);
            }
            catch (Exception e)
            {
                reader.Dispose();
                reader = target.Open();
                return new Finding(number, $"{e.GetType().Name}: {e.Message}");
            }
            TimeSpan time = Stopwatch.GetElapsedTime(started);
            fewest = Math.Min(fewest, Allocated() - bytes);
            limit = target.IsContainer ? BytesOfContainer + TimesItsSize * (long)mutant.Length : MostBytes + BytesOfPixel * pixels;
            mostPixels = Math.Max(mostPixels, pixels);
            least = time < least ? time : least;
        }
        if (fewest > limit)
        {
            return new Finding(number, target.IsContainer ? $"takes {fewest >> 10} KB for a file of {mutant.Length} bytes"
                : $"takes {fewest >> 20} MB for {pixels} pixels");
        }
        if (least > MostTime)
            return new Finding(number, $"takes {least.TotalSeconds:0.0} s");
        if (number % 64 == 0 && Environment.WorkingSet is var set && set - startSet > SlackOfProcess + BytesOfPixel * mostPixels)
            return new Finding(number, $"the process has {set >> 20} MB");
        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => reader.Dispose();

    /// <summary>Bytes allocated so far: of containers those of all threads, which read together.</summary>
    long Allocated() => target.IsContainer ? GC.GetTotalAllocatedBytes(precise: true) : GC.GetAllocatedBytesForCurrentThread();
}
