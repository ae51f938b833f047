using System.Buffers;
using PerturbedForgetting.Cuda.Blas;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>Computes a product tile by tile, in float32: each element of D is a sum over k in order, in parts. The result does not depend
/// on the number of threads.</summary>
sealed unsafe class GemmTiles(Gemm gemm)
{
    // A tile of D; both factors of a part of its sums fit into a core's first cache.
    const int Tile = 64;

    static readonly int tileStride = FloatTiles.Stride(Tile);

    // Terms of a part of a sum.
    readonly int depth = FloatTiles.Part(gemm.M + gemm.N + gemm.K);

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
        int floats = (depth * tileStride) + (Tile * depth) + (Tile * tileStride) + Math.Max(depth, Tile);
        float[] storage = ArrayPool<float>.Shared.Rent(floats);
        fixed (float* first = storage)
        {
            float* a = first, b = a + (depth * tileStride), sums = b + (Tile * depth), line = sums + (Tile * tileStride);
            new Span<float>(sums, Tile * tileStride).Clear();
            bool isStoredDown = gemm.TransposeA == CublasOperation.None, isStoredAcross = gemm.TransposeB == CublasOperation.Transpose;
            for (long k0 = 0; k0 < gemm.K; k0 += depth)
            {
                int terms = (int)Math.Min(depth, gemm.K - k0);
                float* fromA = gemm.A.At(matrix) + (isStoredDown ? i0 + (k0 * gemm.A.Leading) : k0 + (i0 * gemm.A.Leading));
                float* fromB = gemm.B.At(matrix) + (isStoredAcross ? j0 + (k0 * gemm.B.Leading) : k0 + (j0 * gemm.B.Leading));
                // A as [k, i] and B as [j, k], so that a row of the product is a column of D.
                Copy(fromA, gemm.A.Leading, isStoredDown ? terms : height, isStoredDown ? height
                    : terms, a, tileStride, isTransposed: !isStoredDown, line);
                Copy(fromB, gemm.B.Leading, isStoredAcross ? terms : width, isStoredAcross ? width
                    : terms, b, depth, isTransposed: isStoredAcross, line);
                FloatTiles.MultiplyAdd(width, height, terms, b, depth, 1, a, tileStride, sums, tileStride, depth);
            }
            Store(sums, matrix, i0, height, j0, width);
        }
        ArrayPool<float>.Shared.Return(storage);
    }

    /// <summary>Copies a part of a factor, whose columns are <paramref name="leading"/> apart.</summary>
    /// <param name="source">Its first element.</param>
    /// <param name="leading">Elements from one column to the next.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="rows">Rows, side by side in a column.</param>
    /// <param name="tile">Receives a column as a row, or as a column when <paramref name="isTransposed"/>.</param>
    /// <param name="stride">Elements from one row of the tile to the next.</param>
    /// <param name="isTransposed">Whether rows and columns stay what they are.</param>
    /// <param name="line">Room for a column.</param>
    void Copy(float* source, long leading, int columns, int rows, float* tile, int stride, bool isTransposed, float* line)
    {
        for (int c = 0; c < columns; c++, source += leading)
        {
            if (!isTransposed)
                FloatTiles.Copy(source, tile + ((long)c * stride), rows, gemm.RoundsToTf32);
            else
            {
                FloatTiles.Copy(source, line, rows, gemm.RoundsToTf32);
                for (int r = 0; r < rows; r++)
                    tile[((long)r * stride) + c] = line[r];
            }
        }
    }

    void Store(float* sums, int matrix, long i0, int height, long j0, int width)
    {
        float* bias = (float*)gemm.Bias;
        for (int j = 0; j < width; j++)
        {
            float* c = gemm.C.At(matrix) + ((j0 + j) * gemm.C.Leading) + i0, d = gemm.D.At(matrix) + ((j0 + j) * gemm.D.Leading) + i0;
            for (int i = 0; i < height; i++)
            {
                float value = gemm.Alpha * sums[(j * tileStride) + i];
                // With beta 0, C is not read: it may hold NaN.
                if (gemm.Beta != 0)
                    value = MathF.FusedMultiplyAdd(gemm.Beta, c[i], value);
                if (bias is not null)
                    value += bias[i0 + i];
                d[i] = value;
            }
        }
    }

    void SumColumnOfB(int column)
    {
        (long columnStep, long depthStep) = gemm.TransposeB == CublasOperation.None ? (gemm.B.Leading, 1L) : (1L, gemm.B.Leading);
        float* from = (float*)gemm.B.Address + (column * columnStep);
        float sum = 0;
        for (long k0 = 0; k0 < gemm.K; k0 += depth)
        {
            float part = 0;
            for (long k = k0; k < Math.Min(k0 + depth, gemm.K); k++)
                part += from[k * depthStep];
            sum += part;
        }
        ((float*)gemm.ColumnSumsOfB)[column] = sum;
    }
}
