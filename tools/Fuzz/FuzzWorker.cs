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
        // A busy machine may hold up any of them once.
        for (int attempt = 0; attempt < 3 && least > MostTime; attempt++)
        {
            long bytes = GC.GetAllocatedBytesForCurrentThread(), started = Stopwatch.GetTimestamp(), pixels;
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
            bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
            if (bytes > MostBytes + BytesOfPixel * pixels)
                return new Finding(number, $"takes {bytes >> 20} MB for {pixels} pixels");
            mostPixels = Math.Max(mostPixels, pixels);
            least = time < least ? time : least;
        }
        if (least > MostTime)
            return new Finding(number, $"takes {least.TotalSeconds:0.0} s");
        if (number % 64 == 0 && Environment.WorkingSet is var set && set - startSet > SlackOfProcess + BytesOfPixel * mostPixels)
            return new Finding(number, $"the process has {set >> 20} MB");
        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => reader.Dispose();
}
