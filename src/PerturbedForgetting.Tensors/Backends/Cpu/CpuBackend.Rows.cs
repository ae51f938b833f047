using PerturbedForgetting.Tensors.Backends.Cpu.Compute;

namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>Work on a range of rows that does not depend on how the rows are cut into ranges.</summary>
interface IRowBody
{
    void Run(long first, long end);
}

unsafe abstract partial class CpuBackend
{
    // A range of this many elements takes some 10 microseconds from memory; below two of them threads do not pay.
    protected const long RangeElements = 1 << 14;

    /// <summary>Runs the rows on all threads, in ranges of about <see cref="RangeElements"/> elements, multiples of 16 rows where rows are
    /// short.</summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="rowElements">What a row costs, in elements read and written once.</param>
    /// <param name="body">The work.</param>
    protected static void ForRows<TBody>(long rows, long rowElements, TBody body) where TBody : struct, IRowBody
    {
        long range = Math.Max(1, RangeElements / Math.Max(1, rowElements));
        if (range > 16)
            range &= ~15;
        if (rows <= range)
        {
            body.Run(0, rows);
            return;
        }
        var ranges = new RowRanges<TBody> { Body = body, Rows = rows, Range = range };
        WorkerPool.For(checked((int)((rows + range - 1) / range)), ref ranges);
    }

    struct RowRanges<TBody> : IParallelBody where TBody : struct, IRowBody
    {
        public TBody Body;
        public long Rows, Range;

        public void Run(int index)
        {
            // A copy of its own: the body's fields then live in registers, and threads share no line.
            var body = Body;
            body.Run(index * Range, Math.Min(Rows, (index + 1) * Range));
        }
    }
}
