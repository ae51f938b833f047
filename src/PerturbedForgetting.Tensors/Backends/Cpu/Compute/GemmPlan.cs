namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>
/// How a product C[m, n] of depth k is cut up. What affects rounding (<see cref="Splits"/>, the depth blocks) depends
/// on the shape alone; how rows and columns are dealt to threads may depend on their number, since every element of C
/// is summed in the same order wherever it is computed.
/// </summary>
readonly record struct GemmPlan
{
    // Below this many multiply-adds a task costs more to hand out than it saves.
    const long TaskWork = 1 << 18;
    const int TasksPerThread = 6;

    // Tiles of C times parts of the depth: bounds the partial sums to 1.5 MiB.
    const long SplitTiles = 1024;

    // A task with its own right panels packs the left matrix too, so it should have many columns.
    const int OwnTasksPerThread = 4;

    // So that the part of C a task adds to, block of depth after block, stays in the level-2 cache.
    const int TaskColumns = 384;

    // Packed right matrices larger than this (elements) are made and used a slice of columns at a time.
    const long SharedRightLimit = 1L << 22;

    /// <summary>Whether a task packs its own right panels (few rows or great depth), instead of all sharing one packed matrix.</summary>
    public bool OwnRight { get; private init; }

    /// <summary>Parts of the depth summed apart and then added in order.</summary>
    public int Splits { get; private init; }

    /// <summary>Depth of a part; a multiple of the block depth unless there is one part.</summary>
    public int SplitDepth { get; private init; }

    /// <summary>Panels of rows in a task.</summary>
    public int RowPanels { get; private init; }

    /// <summary>Panels of columns in a task.</summary>
    public int ColumnPanels { get; private init; }

    /// <summary>Columns whose packed right matrix is shared at once.</summary>
    public int SliceColumns { get; private init; }

    /// <summary>Plans a product for tiles of <paramref name="lines"/> by <paramref name="columns"/>.</summary>
    public static GemmPlan For(int m, int n, int k, int lines, int columns, int threads)
    {
        int mPanels = CeilDiv(m, lines), nPanels = CeilDiv(n, columns);
        long work = (long)m * n * k;
        int splits = SplitsFor(m, n, k);
        bool own = splits > 1 || m <= GemmBlocking.Lines || ((long)k * n > SharedRightLimit && m <= 2048);
        int splitDepth = splits == 1 ? k : CeilDiv(CeilDiv(k, splits), GemmBlocking.Depth) * GemmBlocking.Depth;
        splits = splits == 1 ? 1 : CeilDiv(k, splitDepth);
        int wanted = (int)Math.Clamp(work / TaskWork, 1, threads * (own ? OwnTasksPerThread : TasksPerThread));

        if (own)
        {
            int pieces = Math.Max(CeilDiv(wanted, splits), CeilDiv(n, TaskColumns));
            return new GemmPlan
            {
                OwnRight = true,
                Splits = splits,
                SplitDepth = splitDepth,
                RowPanels = GemmBlocking.Lines / lines,
                ColumnPanels = CeilDiv(nPanels, Math.Min(pieces, nPanels)),
                SliceColumns = n,
            };
        }

        int slice = (int)Math.Max(1, SharedRightLimit / Math.Max(1, (long)k * columns)) * columns;
        int rowTasks = Math.Max(CeilDiv(mPanels, GemmBlocking.Lines / lines), Math.Min(wanted, CeilDiv(mPanels, 6)));
        int columnTasks = Math.Min(Math.Max(wanted / rowTasks, CeilDiv(n, TaskColumns)), nPanels);
        return new GemmPlan
        {
            Splits = 1,
            SplitDepth = k,
            RowPanels = CeilDiv(mPanels, rowTasks),
            ColumnPanels = CeilDiv(nPanels, columnTasks),
            SliceColumns = Math.Min(slice, n),
        };
    }

    public static int CeilDiv(int a, int b) => (int)(((long)a + b - 1) / b);

    // A small C of great depth has too few tiles to occupy the cores (and long sums, which lose accuracy).
    static int SplitsFor(int m, int n, int k)
    {
        long tiles = (long)CeilDiv(m, 12) * CeilDiv(n, 32);
        return (int)Math.Clamp(Math.Min(k / (2L * GemmBlocking.Depth), SplitTiles / tiles), 1, 64);
    }
}
