namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>A piece of a product: rows by columns of C, of one part of the depth.</summary>
readonly record struct GemmTask(int Row, int Rows, int Column, int Columns, int Split, int Depth0, int Depth);

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

    // Depth of which parts are multiples, two at least: with more, many threads cannot share the work evenly.
    const int SplitUnit = 192;

    // A task with its own right panels packs the left matrix too, so it should have many columns.
    const int OwnTasksPerThread = 4;

    // Few threads pack the left matrix again up to so many rows: with more it costs more than right panels out of another's cache do.
    const int OwnRowsOfFew = 1024;

    // Fewer rows than this do not pay for the right panels packed for them.
    const int MinOwnRows = 48;

    // Of few threads: each task streams the whole packed right matrix by, but the last one may be late.
    const int RowTasksPerThread = 3, MinRowPanels = 3;

    // So that the part of C a task adds to, block of depth after block, stays in the level-2 cache.
    const int TaskColumns = 384;

    // So that a task's own right panels stay there; few threads gain more by packing the left matrix less often.
    const int OwnColumnsOfFew = 512;

    // Packed right matrices larger than this (elements) are made and used a slice of columns at a time.
    const long SharedRightLimit = 1L << 22;

    // With more threads than this the last tasks count more than the packing that larger ones save.
    const int FewThreads = 4;

    // What packing an element costs, in multiply-adds, and what part of a task the last thread may be late.
    const int PackCost = 8;
    const double Lateness = 0.5;

    // Partial sums that a task adds up.
    const int SumElements = 1 << 15;

    readonly int m, n, k, lines, columns;

    GemmPlan(int m, int n, int k, int lines, int columns) =>
        (this.m, this.n, this.k, this.lines, this.columns) = (m, n, k, lines, columns);

    /// <summary>Whether a task packs its own right panels (few rows or great depth), instead of all sharing one packed matrix.</summary>
    public bool OwnRight { get; private init; }

    /// <summary>Parts of the depth summed apart and then added in order.</summary>
    public int Splits { get; private init; }

    /// <summary>Depth of a part; a multiple of a unit unless there is one part.</summary>
    public int SplitDepth { get; private init; }

    /// <summary>Rows of a task, whole panels.</summary>
    public int TaskRows { get; private init; }

    /// <summary>Columns of a task, whole panels.</summary>
    public int TaskWidth { get; private init; }

    /// <summary>Columns whose packed right matrix is shared at once.</summary>
    public int SliceColumns { get; private init; }

    /// <summary>Rows of C whose partial sums a task adds up.</summary>
    public int SumRows => (int)Math.Clamp(SumElements / ((long)n * Splits), 1, m);

    int RowTasks { get; init; }

    /// <summary>Plans a product for tiles of <paramref name="lines"/> by <paramref name="columns"/>.</summary>
    public static GemmPlan For(int m, int n, int k, int lines, int columns, int threads)
    {
        int splits = SplitsFor(m, n, k);
        bool few = threads <= FewThreads;
        bool own = splits > 1 || m <= (few ? OwnRowsOfFew : GemmBlocking.Lines) || ((long)k * n > SharedRightLimit && m <= 2048);
        int wanted = (int)Math.Clamp((long)m * n * k / TaskWork, 1, (long)threads * (own ? OwnTasksPerThread : TasksPerThread));
        var plan = own ? Own(m, n, k, lines, columns, splits, wanted) : Shared(m, n, k, lines, columns, threads, wanted);
        return (own || !few) && wanted > threads ? plan.Balanced(threads, few) : plan;
    }

    /// <summary>The cut of rows and columns with which the longest thread has the least to do.</summary>
    GemmPlan Balanced(int threads, bool few)
    {
        const int minPanels = 3, maxRounds = 4;
        int mPanels = CeilDiv(m, lines), nPanels = CeilDiv(SliceColumns, columns),
            minColumnTasks = Math.Min(CeilDiv(SliceColumns, few ? OwnColumnsOfFew : TaskColumns), nPanels),
            minRowTasks = few ? 1 : CeilDiv(mPanels, GemmBlocking.Lines / lines),
            maxRowTasks = Math.Min(CeilDiv(mPanels, minPanels), few ? maxRounds * threads : mPanels);
        // Few threads finish together if they have as much to do; of many, the last one is late.
        double lateness = few ? 0 : Lateness, least = Time(threads, lateness);
        var best = this;
        for (int rowTasks = minRowTasks; rowTasks <= maxRowTasks; rowTasks++)
        {
            for (int rounds = 1; rounds <= maxRounds; rounds++)
            {
                int columnTasks = Math.Clamp(threads * rounds / (Splits * rowTasks), minColumnTasks, nPanels);
                var plan = this with
                {
                    RowTasks = rowTasks,
                    TaskRows = CeilDiv(mPanels, rowTasks) * lines,
                    TaskWidth = CeilDiv(nPanels, columnTasks) * columns,
                };
                double time = plan.Time(threads, lateness);
                if (time < least)
                    (best, least) = (plan, time);
            }
        }
        return best;
    }

    /// <summary>Estimated time of a slice on threads of one speed.</summary>
    double Time(int threads, double lateness)
    {
        int tiles = Tasks(SliceColumns) / Splits;
        // The last part of the depth has less of it: tiles whose parts all go to one thread are evenly shared.
        double depth = tiles % threads == 0 ? (double)tiles / threads * k : (double)CeilDiv(tiles * Splits, threads) * SplitDepth;
        return (depth + (lateness * SplitDepth))
            * (((double)TaskRows * TaskWidth) + (PackCost * (TaskRows + (OwnRight ? TaskWidth : 0))));
    }

    static GemmPlan Own(int m, int n, int k, int lines, int columns, int splits, int wanted)
    {
        int splitDepth = splits == 1 ? k : CeilDiv(CeilDiv(k, splits), SplitUnit) * SplitUnit;
        splits = splits == 1 ? 1 : CeilDiv(k, splitDepth);
        int nPanels = CeilDiv(n, columns);
        int columnPanels = CeilDiv(nPanels, Math.Min(Math.Max(CeilDiv(wanted, splits), CeilDiv(n, TaskColumns)), nPanels));
        // Rows are shared out only where parts of the depth and columns are too few for the threads.
        int rowTasks = Math.Clamp(wanted / (splits * CeilDiv(nPanels, columnPanels)), 1, CeilDiv(m, MinOwnRows));
        return new GemmPlan(m, n, k, lines, columns)
        {
            OwnRight = true,
            Splits = splits,
            SplitDepth = splitDepth,
            RowTasks = rowTasks,
            TaskRows = CeilDiv(CeilDiv(m, lines), rowTasks) * lines,
            TaskWidth = columnPanels * columns,
            SliceColumns = n,
        };
    }

    static GemmPlan Shared(int m, int n, int k, int lines, int columns, int threads, int wanted)
    {
        int mPanels = CeilDiv(m, lines), nPanels = CeilDiv(n, columns);
        int slice = (int)Math.Max(1, SharedRightLimit / Math.Max(1, (long)k * columns)) * columns;
        int rowTasks, columnTasks;
        if (threads > FewThreads)
        {
            rowTasks = Math.Max(CeilDiv(mPanels, GemmBlocking.Lines / lines), Math.Min(wanted, CeilDiv(mPanels, 6)));
            columnTasks = Math.Min(Math.Max(wanted / rowTasks, CeilDiv(n, TaskColumns)), nPanels);
        }
        else
        {
            // All columns, so that the left matrix is packed once; as many tasks for each thread, since all take the same time.
            int least = CeilDiv(mPanels, threads * (GemmBlocking.Lines / lines)),
                most = CeilDiv(Math.Min(wanted, CeilDiv(mPanels, MinRowPanels)), threads);
            rowTasks = Math.Min(threads * Math.Max(least, Math.Min(RowTasksPerThread, most)), mPanels);
            columnTasks = 1;
        }
        return new GemmPlan(m, n, k, lines, columns)
        {
            Splits = 1,
            SplitDepth = k,
            RowTasks = rowTasks,
            TaskRows = CeilDiv(mPanels, rowTasks) * lines,
            TaskWidth = CeilDiv(nPanels, columnTasks) * columns,
            SliceColumns = Math.Min(slice, n),
        };
    }

    /// <summary>Tasks of a slice of columns.</summary>
    public int Tasks(int sliceColumns) => Splits * RowTasks * CeilDiv(sliceColumns, TaskWidth);

    /// <summary>One of them; its columns count from the beginning of the slice.</summary>
    public GemmTask Task(int index, int sliceColumns)
    {
        int tile = index / Splits, split = index % Splits, depth0 = split * SplitDepth;
        int rowTasks = RowTasks, columnTasks = CeilDiv(sliceColumns, TaskWidth);
        var (row, rows) = Share(tile % rowTasks, rowTasks, m, lines);
        var (column, width) = Share(tile / rowTasks, columnTasks, sliceColumns, columns);
        return new(row, rows, column, width, split, depth0, Math.Min(SplitDepth, k - depth0));
    }

    /// <summary>One of so many parts of whole panels, none of which is more than a panel larger than another.</summary>
    static (int First, int Count) Share(int index, int parts, int count, int panel)
    {
        int panels = CeilDiv(count, panel), first = (int)((long)index * panels / parts) * panel;
        return (first, Math.Min((int)((index + 1L) * panels / parts) * panel, count) - first);
    }

    public static int CeilDiv(int a, int b) => (int)(((long)a + b - 1) / b);

    // A small C of great depth has too few tiles to occupy the cores (and long sums, which lose accuracy).
    static int SplitsFor(int m, int n, int k)
    {
        long tiles = (long)CeilDiv(m, 12) * CeilDiv(n, 32);
        return (int)Math.Clamp(Math.Min(k / (2L * SplitUnit), SplitTiles / tiles), 1, 64);
    }
}
