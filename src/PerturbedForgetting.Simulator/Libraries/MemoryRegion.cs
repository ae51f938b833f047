using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Simulator.Memory;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>Device memory that a library's call touches: rows of bytes, in a batch of matrices. What lies between rows is not
/// touched.</summary>
/// <param name="What">What it is in the call, for messages: "A".</param>
/// <param name="Address">First byte.</param>
/// <param name="RowBytes">Bytes of a row.</param>
/// <param name="Rows">Rows of a matrix.</param>
/// <param name="RowStride">Bytes from one row to the next.</param>
/// <param name="Matrices">Matrices of the batch.</param>
/// <param name="MatrixStride">Bytes from one matrix to the next; 0 when all are the same one.</param>
readonly record struct MemoryRegion(string What, ulong Address, long RowBytes, long Rows = 1, long RowStride = 0, long Matrices = 1,
    long MatrixStride = 0)
{
    /// <summary>A matrix of float32 in column-major order, or a batch of them.</summary>
    /// <param name="what">What it is in the call.</param>
    /// <param name="address">First element.</param>
    /// <param name="rows">Rows, which lie side by side in a column.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="leading">Elements from one column to the next.</param>
    /// <param name="batch">Matrices.</param>
    /// <param name="stride">Elements from one matrix to the next.</param>
    public static MemoryRegion Columns(string what, ulong address, long rows, long columns, long leading, long batch = 1,
        long stride = 0) =>
        new(what, address, rows * sizeof(float), columns, leading * sizeof(float), batch, stride * sizeof(float));

    /// <summary>A contiguous array of float32.</summary>
    public static MemoryRegion Floats(string what, ulong address, long count) => new(what, address, count * sizeof(float));

    /// <summary>Bytes in it, each counted once.</summary>
    public long Bytes => RowBytes * Rows * (MatrixStride == 0 ? 1 : Matrices);

    /// <summary>Whether rows and matrices touch: the whole is then one run of bytes.</summary>
    bool IsDense => (Rows == 1 || RowStride == RowBytes) && (Matrices == 1 || MatrixStride == RowBytes * Rows);

    /// <summary>Runs of bytes that lie side by side.</summary>
    IEnumerable<(ulong Address, long Bytes)> Runs()
    {
        if (Bytes == 0)
            yield break;
        if (IsDense)
        {
            yield return (Address, Bytes);
            yield break;
        }
        for (long matrix = 0; matrix < (MatrixStride == 0 ? 1 : Matrices); matrix++)
        {
            ulong start = Address + (ulong)(matrix * MatrixStride);
            if (RowStride == RowBytes)
                yield return (start, RowBytes * Rows);
            else
            {
                for (long row = 0; row < Rows; row++)
                    yield return (start + (ulong)(row * RowStride), RowBytes);
            }
        }
    }

    /// <summary>Whether it has bytes in common with another one; what lies in the gaps of either does not count.</summary>
    public bool Overlaps(MemoryRegion other)
    {
        if (Address >= other.End || other.Address >= End)
            return false;
        if (IsDense && other.IsDense)
            return true;
        using IEnumerator<(ulong Address, long Bytes)> mine = Runs().Order().GetEnumerator(), others = other.Runs().Order().GetEnumerator();
        bool isLeft = mine.MoveNext() && others.MoveNext();
        while (isLeft)
        {
            (ulong a, ulong b) = (mine.Current.Address, others.Current.Address);
            if (a < b + (ulong)others.Current.Bytes && b < a + (ulong)mine.Current.Bytes)
                return true;
            isLeft = a < b ? mine.MoveNext() : others.MoveNext();
        }
        return false;
    }

    // Behind the last byte.
    ulong End => Address + (ulong)(((Matrices - 1) * MatrixStride) + ((Rows - 1) * RowStride) + RowBytes);

    /// <summary>Checks that an operation may read all of it.</summary>
    /// <exception cref="DeviceFault">A byte lies nowhere, was never written, or is written by an operation that nothing orders.</exception>
    public void CheckRead(SimulatedContext context, Operation operation)
    {
        foreach ((ulong address, long bytes) in Runs())
        {
            Allocation allocation = Access(context, address, bytes, isWrite: false, operation);
            if (allocation.FirstUnwritten(address, bytes) is var unwritten and >= 0)
                throw new DeviceFault(FaultKind.Uninitialized,
                    $"{What} of {operation.Name} on {operation.Lane.Name}: byte {unwritten} of {bytes} at 0x{address:x}, in {allocation}, "
                    + "was never written");
        }
    }

    /// <summary>Checks that an operation may write all of it.</summary>
    /// <exception cref="DeviceFault">A byte lies nowhere, or is touched by an operation that nothing orders.</exception>
    public void CheckWrite(SimulatedContext context, Operation operation)
    {
        foreach ((ulong address, long bytes) in Runs())
            Access(context, address, bytes, isWrite: true, operation);
    }

    /// <summary>From now on all of it counts as written.</summary>
    public void MarkWritten(SimulatedContext context)
    {
        foreach ((ulong address, long bytes) in Runs())
            context.Memory.Find(address)!.MarkWritten(address, bytes);
    }

    Allocation Access(SimulatedContext context, ulong address, long bytes, bool isWrite, Operation operation)
    {
        try
        {
            return context.Copies.Access(address, (nuint)bytes, isWrite, operation);
        }
        catch (DeviceFault fault)
        {
            throw new DeviceFault(fault.Kind, $"{What} of {fault.Message}");
        }
    }
}
