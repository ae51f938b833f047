namespace PerturbedForgetting.Tensors.Memory;

/// <summary>What a thread of the host does with a piece of a tensor.</summary>
/// <param name="piece">Its address in the memory of the host.</param>
/// <param name="first">Its first byte in the tensor.</param>
/// <param name="bytes">Its length.</param>
delegate void PieceWork(nint piece, long first, int bytes);

/// <summary>
/// The memory of a device that computes by itself, as another thread of the host works on it beside the computation: piece by piece in
/// page-locked memory, the next one on its way while one is worked on.
/// </summary>
abstract class HostExchange : IDisposable
{
    /// <summary>Marks, on the thread that computes, the point behind which a piece of work comes.</summary>
    /// <returns>What <see cref="Run"/> is given, and <see cref="Release"/> in the end.</returns>
    /// <exception cref="NotSupportedException">What is computed is being recorded into a graph, which no host takes part in.</exception>
    public abstract object Mark();

    /// <summary>Works on memory of the device, on another thread.</summary>
    /// <param name="mark">Where the computation has to be.</param>
    /// <param name="address">First byte on the device.</param>
    /// <param name="bytes">Length.</param>
    /// <param name="isRead">Whether the work needs what the memory holds.</param>
    /// <param name="isWritten">Whether the memory takes what the work makes.</param>
    /// <param name="work">Called for each piece, from the first on.</param>
    public abstract void Run(object mark, nint address, long bytes, bool isRead, bool isWritten, PieceWork work);

    /// <summary>Gives a mark back that no work needs any more.</summary>
    public abstract void Release(object mark);

    /// <summary>Orders the computation queued from now on behind all work that is over, on the thread that computes.</summary>
    public abstract void Await();

    /// <summary>Frees the memory of the host; no work goes on.</summary>
    public abstract void Dispose();
}
