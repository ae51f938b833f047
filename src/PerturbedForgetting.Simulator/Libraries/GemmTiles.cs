using System.Buffers;
using PerturbedForgetting.Cuda.Blas;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>Computes a product tile by tile: factors widened to float64, each element of D a sum over k in order, rounded once. The result
/// does not depend on the number of threads.</summary>
sealed unsafe class GemmTiles(Gemm gemm)
{
    // A tile of D, and the part of k that its widened factors hold: both factors together fit into a core's second cache.
    const int Tile = 64, Depth = 128;

    static readonly int tileStride = DoubleTiles.Stride(Tile);

    /// <summary>Computes all of it.</summary>
    /// <param name="workers">Threads of the host to use.</param>
    public void Run(int workers)
    {
        int tilesDown = (int)((gemm.M + Tile - 1) / Tile), tilesAcross = (int)((gemm.N + Tile - 1) / Tile), tiles = tilesDown * tilesAcross;
        LibraryKernel.Spread(workers, checked(tiles * gemm.Batch), index =>
            Compute(index / tiles, index % tiles % tilesDown * Tile, index % tiles / tilesDown * Tile));
        if (gemm.ColumnSumsOfB != 0)
            LibraryKernel.Spread(workers, (int)gemm.N, SumColumnOfB);
    }

    void Compute(int matrix, long i0, long j0)
    {
        int height = (int)Math.Min(Tile, gemm.M - i0), width = (int)Math.Min(Tile, gemm.N - j0);
        double[] storage = ArrayPool<double>.Shared.Rent((Depth * tileStride) + (Tile * Depth) + (Tile * tileStride) + Depth);
        fixed (double* first = storage)
        {
            double* a = first, b = a + (Depth * tileStride), sums = b + (Tile * Depth), line = sums + (Tile * tileStride);
            new Span<double>(sums, Tile * tileStride).Clear();
            bool isStoredDown = gemm.TransposeA == CublasOperation.None, isStoredAcross = gemm.TransposeB == CublasOperation.Transpose;
            for (long k0 = 0; k0 < gemm.K; k0 += Depth)
            {
                int depth = (int)Math.Min(Depth, gemm.K - k0);
                float* fromA = gemm.A.At(matrix) + (isStoredDown ? i0 + (k0 * gemm.A.Leading) : k0 + (i0 * gemm.A.Leading));
                float* fromB = gemm.B.At(matrix) + (isStoredAcross ? j0 + (k0 * gemm.B.Leading) : k0 + (j0 * gemm.B.Leading));
                // A as [k, i] and B as [j, k], so that a row of the product is a column of D.
                Widen(fromA, gemm.A.Leading, isStoredDown ? depth : height, isStoredDown ? height
                    : depth, a, tileStride, isTransposed: !isStoredDown, line);
                Widen(fromB, gemm.B.Leading, isStoredAcross ? depth : width, isStoredAcross ? width
                    : depth, b, Depth, isTransposed: isStoredAcross, line);
                DoubleTiles.MultiplyAdd(width, height, depth, b, Depth, 1, a, tileStride, sums, tileStride);
            }
            Store(sums, matrix, i0, height, j0, width);
        }
        ArrayPool<double>.Shared.Return(storage);
    }

    /// <summary>Widens a part of a factor, whose columns are <paramref name="leading"/> apart.</summary>
    /// <param name="source">Its first element.</param>
    /// <param name="leading">Elements from one column to the next.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="rows">Rows, side by side in a column.</param>
    /// <param name="tile">Receives a column as a row, or as a column when <paramref name="isTransposed"/>.</param>
    /// <param name="stride">Elements from one row of the tile to the next.</param>
    /// <param name="isTransposed">Whether rows and columns stay what they are.</param>
    /// <param name="line">Room for a column.</param>
    void Widen(float* source, long leading, int columns, int rows, double* tile, int stride, bool isTransposed, double* line)
    {
        for (int c = 0; c < columns; c++, source += leading)
        {
            if (!isTransposed)
                DoubleTiles.Widen(source, tile + ((long)c * stride), rows, gemm.RoundsToTf32);
            else
            {
                DoubleTiles.Widen(source, line, rows, gemm.RoundsToTf32);
                for (int r = 0; r < rows; r++)
                    tile[((long)r * stride) + c] = line[r];
            }
        }
    }

    void Store(double* sums, int matrix, long i0, int height, long j0, int width)
    {
        float* bias = (float*)gemm.Bias;
        for (int j = 0; j < width; j++)
        {
            float* c = gemm.C.At(matrix) + ((j0 + j) * gemm.C.Leading) + i0, d = gemm.D.At(matrix) + ((j0 + j) * gemm.D.Leading) + i0;
            for (int i = 0; i < height; i++)
            {
                double value = gemm.Alpha * sums[(j * tileStride) + i];
                // With beta 0, C is not read: it may hold NaN.
                if (gemm.Beta != 0)
                    value += (double)gemm.Beta * c[i];
                if (bias is not null)
                    value += bias[i0 + i];
                d[i] = (float)value;
            }
        }
    }

    void SumColumnOfB(int column)
    {
        (long columnStep, long depthStep) = gemm.TransposeB == CublasOperation.None ? (gemm.B.Leading, 1L) : (1L, gemm.B.Leading);
        float* from = (float*)gemm.B.Address + (column * columnStep);
        double sum = 0;
        for (long k = 0; k < gemm.K; k++)
            sum += from[k * depthStep];
        ((float*)gemm.ColumnSumsOfB)[column] = (float)sum;
    }
}
