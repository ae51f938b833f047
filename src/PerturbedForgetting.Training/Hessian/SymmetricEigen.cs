namespace PerturbedForgetting.Training.Hessian;

/// <summary>
/// Eigenvalues and eigenvectors of a small dense symmetric matrix in float64, by Jacobi's rotations: the method whose small eigenvalues
/// are the most accurate, at about 30 n³ operations. For the projected matrices of Krylov methods, with n up to some hundreds.
/// </summary>
/// <param name="values">Ascending.</param>
/// <param name="vectors">Column i belongs to value i; orthonormal.</param>
sealed class SymmetricEigen(double[] values, double[,] vectors)
{
    // Convergence is quadratic: after six to ten sweeps nothing is left to rotate.
    const int MostSweeps = 60;

    /// <summary>Ascending.</summary>
    public double[] Values => values;

    /// <summary>Component <paramref name="row"/> of the eigenvector of <c>Values[index]</c>.</summary>
    public double this[int row, int index] => vectors[row, index];

    /// <summary>Decomposes the leading part of a matrix.</summary>
    /// <param name="matrix">Symmetric; stays as it is.</param>
    /// <param name="n">Its first rows and columns are taken.</param>
    public static SymmetricEigen Decompose(double[,] matrix, int n)
    {
        // Rows, because a rotation of two rows and two columns of a symmetric matrix is then one of arrays.
        double[][] a = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => matrix[i, j]).ToArray())];
        double[][] v = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => i == j ? 1.0 : 0.0).ToArray())];
        for (int sweep = 0; sweep < MostSweeps && Rotate(a, v); sweep++)
        {
        }
        int[] order = [.. Enumerable.Range(0, n).OrderBy(i => a[i][i])];
        var vectors = new double[n, n];
        for (int i = 0; i < n; i++)
            for (int row = 0; row < n; row++)
                vectors[row, i] = v[order[i]][row];
        return new([.. order.Select(i => a[i][i])], vectors);
    }

    /// <summary>One rotation for each pair of rows.</summary>
    /// <param name="a">The matrix.</param>
    /// <param name="v">Rows are eigenvectors in the making.</param>
    /// <returns>Whether any was needed.</returns>
    static bool Rotate(double[][] a, double[][] v)
    {
        bool hasRotated = false;
        for (int p = 0; p < a.Length; p++)
        {
            for (int q = p + 1; q < a.Length; q++)
            {
                // Below the rounding of both diagonal elements it changes neither.
                double off = a[p][q];
                if (Math.Abs(off) <= 1e-17 * Math.Sqrt(Math.Abs(a[p][p] * a[q][q])) || Math.Abs(off) < 1e-300)
                    continue;
                hasRotated |= Math.Abs(off) > 1e-16 * (Math.Abs(a[p][p]) + Math.Abs(a[q][q]));
                double theta = (a[q][q] - a[p][p]) / (2 * off);
                double tan = Math.CopySign(1, theta) / (Math.Abs(theta) + Math.Sqrt((theta * theta) + 1));
                double cos = 1 / Math.Sqrt((tan * tan) + 1), sin = tan * cos;
                RotateRows(a[p], a[q], cos, sin);
                for (int i = 0; i < a.Length; i++)
                    (a[i][p], a[i][q]) = ((cos * a[i][p]) - (sin * a[i][q]), (sin * a[i][p]) + (cos * a[i][q]));
                a[p][q] = a[q][p] = 0;
                RotateRows(v[p], v[q], cos, sin);
            }
        }
        return hasRotated;
    }

    static void RotateRows(double[] p, double[] q, double cos, double sin)
    {
        for (int i = 0; i < p.Length; i++)
            (p[i], q[i]) = ((cos * p[i]) - (sin * q[i]), (sin * p[i]) + (cos * q[i]));
    }
}
