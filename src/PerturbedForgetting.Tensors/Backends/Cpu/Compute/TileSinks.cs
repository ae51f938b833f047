using System.Numerics;

namespace PerturbedForgetting.Tensors.Backends.Cpu.Compute;

/// <summary>Where finished tiles of a product go.</summary>
unsafe interface ITileSink<T>
    where T : unmanaged
{
    /// <summary>
    /// Takes a tile of C at (<paramref name="row"/>, <paramref name="column"/>). A deep product comes as several
    /// tiles to be added up: <paramref name="first"/> and <paramref name="last"/> mark its ends.
    /// </summary>
    void Store(T* tile, int step, int row, int rows, int column, int columns, bool first, bool last);

    /// <summary>Where the kernel may put a tile of C itself; null where it must be stored.</summary>
    /// <param name="row">Row of the tile.</param>
    /// <param name="column">Its column.</param>
    /// <param name="first">Whether it is the first of those to be added up.</param>
    /// <param name="step">From one of its rows to the next.</param>
    /// <param name="add">Whether it must be added to what is there.</param>
    T* Place(int row, int column, bool first, out long step, out bool add);

    /// <summary>The tile that was put there is final.</summary>
    void Finish(T* place, int row, int rows, int column, int columns);
}

/// <summary>Work on finished values of C while they are in the cache.</summary>
unsafe interface IEpilogue<T>
    where T : unmanaged
{
    /// <summary>Called once for every stretch of a row of C, with its final values, to change in place.</summary>
    void Apply(T* values, int row, int column, int count);
}

/// <summary>Leaves C as it is.</summary>
readonly unsafe struct NoEpilogue<T> : IEpilogue<T>
    where T : unmanaged
{
    public void Apply(T* values, int row, int column, int count)
    {
    }
}

/// <summary>Adds a vector to every row of C, unless it is null.</summary>
readonly unsafe struct BiasEpilogue<T>(T* bias) : IEpilogue<T>
    where T : unmanaged, INumber<T>
{
    public void Apply(T* values, int row, int column, int count)
    {
        if (bias != null)
            Lanes.Add(bias + column, values, count);
    }
}

/// <summary>C row-major: element (row, column) at c[row * stride + column].</summary>
readonly unsafe struct MatrixSink<T, TEpilogue>(T* c, long stride, bool accumulate, TEpilogue epilogue) : ITileSink<T>
    where T : unmanaged, INumber<T>
    where TEpilogue : struct, IEpilogue<T>
{
    public void Store(T* tile, int step, int row, int rows, int column, int columns, bool first, bool last)
    {
        T* target = c + (row * stride) + column;
        if (first && !accumulate)
            Lanes.CopyRows(tile, step, target, stride, columns, rows);
        else
            Lanes.AddRows(tile, step, target, stride, columns, rows);
        if (last)
            Finish(target, row, rows, column, columns);
    }

    public T* Place(int row, int column, bool first, out long step, out bool add)
    {
        step = stride;
        add = !first || accumulate;
        return c + (row * stride) + column;
    }

    public void Finish(T* place, int row, int rows, int column, int columns)
    {
        if (typeof(TEpilogue) == typeof(NoEpilogue<T>))
            return;
        for (int i = 0; i < rows; i++, place += stride)
            epilogue.Apply(place, row + i, column, columns);
    }
}

/// <summary>C transposed: element (row, column) at c[column * stride + row]. The epilogue sees the transposed matrix's rows.</summary>
readonly unsafe struct TransposedSink<T, TEpilogue>(T* c, long stride, bool accumulate, TEpilogue epilogue) : ITileSink<T>
    where T : unmanaged, INumber<T>
    where TEpilogue : struct, IEpilogue<T>
{
    const int Side = 32;

    public void Store(T* tile, int step, int row, int rows, int column, int columns, bool first, bool last)
    {
        T* turned = stackalloc T[Side * Side];
        for (int i = 0; i < rows; i += Side)
        {
            for (int j = 0; j < columns; j += Side)
            {
                int height = Math.Min(Side, rows - i), width = Math.Min(Side, columns - j);
                Transposition.Run(tile + ((long)i * step) + j, step, turned, Side, height, width);
                new MatrixSink<T, TEpilogue>(c, stride, accumulate, epilogue)
                    .Store(turned, Side, column + j, width, row + i, height, first, last);
            }
        }
    }

    public T* Place(int row, int column, bool first, out long step, out bool add)
    {
        (step, add) = (0, false);
        return null;
    }

    public void Finish(T* place, int row, int rows, int column, int columns)
    {
    }
}
