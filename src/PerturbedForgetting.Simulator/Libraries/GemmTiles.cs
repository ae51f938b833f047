using System.Buffers;
using System.Numerics;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Libraries;

/// <summary>Computes a product tile by tile: factors widened to float64, each element of D a sum over k in order, rounded once. The result does not depend on
/// the number of threads.</summary>
sealed unsafe class GemmTiles(Gemm gemm)
{
    // A tile of D, and the part of k that its packed factors hold: both factors together fit into a core's second cache.
    const int Tile = 64, Depth = 128;

    // Elements of D that a core keeps in registers: two vectors by four columns.
    const int Columns = 4;

    static readonly int rows = 2 * Vector<double>.Count;

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
        double[] storage = ArrayPool<double>.Shared.Rent((2 * Tile * Depth) + (Tile * Tile));
        fixed (double* first = storage)
        {
            double* a = first, b = a + (Tile * Depth), sums = b + (Tile * Depth);
            new Span<double>(sums, Tile * Tile).Clear();
            bool isStoredDown = gemm.TransposeA == CublasOperation.None, isStoredAcross = gemm.TransposeB == CublasOperation.Transpose;
            for (long k0 = 0; k0 < gemm.K; k0 += Depth)
            {
                int depth = (int)Math.Min(Depth, gemm.K - k0);
                Pack(a, gemm.A, matrix, isStoredDown, i0, height, k0, depth, rows);
                Pack(b, gemm.B, matrix, isStoredAcross, j0, width, k0, depth, Columns);
                for (int j = 0; j < width; j += Columns)
                {
                    for (int i = 0; i < height; i += rows)
                        Multiply(a + (i * depth), b + (j * depth), sums + (j * Tile) + i, depth);
                }
            }
            Store(sums, matrix, i0, height, j0, width);
        }
        ArrayPool<double>.Shared.Return(storage);
    }

    /// <summary>Widens a part of a factor to panels of <paramref name="group"/> lines, in each of which the lines' elements of one k lie side by side. What is missing
    /// in the last panel is 0.</summary>
    void Pack(double* panel, GemmMatrix factor, int matrix, bool linesAreContiguous, long line0, int lines, long k0, int depth, int group)
    {
        (long lineStep, long depthStep) = linesAreContiguous ? (1L, factor.Leading) : (factor.Leading, 1L);
        float* source = (float*)factor.Address + (matrix * factor.Stride) + (line0 * lineStep) + (k0 * depthStep);
        for (int start = 0; start < lines; start += group)
        {
            float* from = source + (start * lineStep);
            int present = Math.Min(group, lines - start);
            for (int k = 0; k < depth; k++, from += depthStep, panel += group)
            {
                for (int l = 0; l < present; l++)
                    panel[l] = gemm.RoundsToTf32 ? BitConverter.UInt32BitsToSingle(FloatFormat.ToTensorFloat(from[l * lineStep], Rounding.NearestAway)) : from[l * lineStep];
                for (int l = present; l < group; l++)
                    panel[l] = 0;
            }
        }
    }

    /// <summary>Adds the product of two panels to a small piece of a tile, whose columns are <see cref="Tile"/> apart.</summary>
    static void Multiply(double* a, double* b, double* sums, int depth)
    {
        int lanes = Vector<double>.Count;
        Vector<double> s00 = Vector<double>.Zero, s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00, s12 = s00, s13 = s00;
        for (int k = 0; k < depth; k++, a += 2 * lanes, b += Columns)
        {
            Vector<double> a0 = Vector.Load(a), a1 = Vector.Load(a + lanes);
            Vector<double> b0 = Vector.Create(b[0]), b1 = Vector.Create(b[1]), b2 = Vector.Create(b[2]), b3 = Vector.Create(b[3]);
            s00 = Vector.FusedMultiplyAdd(a0, b0, s00);
            s10 = Vector.FusedMultiplyAdd(a1, b0, s10);
            s01 = Vector.FusedMultiplyAdd(a0, b1, s01);
            s11 = Vector.FusedMultiplyAdd(a1, b1, s11);
            s02 = Vector.FusedMultiplyAdd(a0, b2, s02);
            s12 = Vector.FusedMultiplyAdd(a1, b2, s12);
            s03 = Vector.FusedMultiplyAdd(a0, b3, s03);
            s13 = Vector.FusedMultiplyAdd(a1, b3, s13);
        }
        Add(sums, s00, s10);
        Add(sums + Tile, s01, s11);
        Add(sums + (2 * Tile), s02, s12);
        Add(sums + (3 * Tile), s03, s13);

        static void Add(double* sums, Vector<double> upper, Vector<double> lower)
        {
            (Vector.Load(sums) + upper).Store(sums);
            (Vector.Load(sums + Vector<double>.Count) + lower).Store(sums + Vector<double>.Count);
        }
    }

    void Store(double* sums, int matrix, long i0, int height, long j0, int width)
    {
        float* bias = (float*)gemm.Bias;
        for (int j = 0; j < width; j++)
        {
            float* c = (float*)gemm.C.Address + (matrix * gemm.C.Stride) + ((j0 + j) * gemm.C.Leading) + i0;
            float* d = (float*)gemm.D.Address + (matrix * gemm.D.Stride) + ((j0 + j) * gemm.D.Leading) + i0;
            for (int i = 0; i < height; i++)
            {
                double value = gemm.Alpha * sums[(j * Tile) + i];
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
