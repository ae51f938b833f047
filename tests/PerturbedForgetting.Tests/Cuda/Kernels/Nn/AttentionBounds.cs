namespace PerturbedForgetting.Tests.Cuda.Kernels;

/// <summary>
/// How far attention may be from the exact result, element by element, when operands of products are rounded by a relative
/// <c>u</c> and sums are float32: plain loops in float64, every step's error carried to the next.
/// </summary>
sealed class AttentionBounds
{
    // float32 with truncated sums, as tensor cores may make them; exp and log of kernels/include/math.cuh.
    const double Eps = 1.0 / (1 << 23), Exp = 3e-7;

    readonly float[] qkv;
    readonly int batch, tokens, heads, width;
    readonly double scale, u;

    public AttentionBounds(float[] qkv, int batch, int tokens, int heads, int width, double scale, double u)
    {
        (this.qkv, this.batch, this.tokens, this.heads, this.width, this.scale, this.u) = (qkv, batch, tokens, heads, width, scale, u);
        (Y, Statistics) = (new double[batch * tokens * heads * width], new double[2 * batch * heads * tokens]);
        Gradient = new double[qkv.Length];
    }

    /// <summary>Bound of y.</summary>
    public double[] Y { get; }

    /// <summary>Bound of statistics.</summary>
    public double[] Statistics { get; }

    /// <summary>Bound of dqkv, for y and statistics that are exact but for being float32.</summary>
    public double[] Gradient { get; }

    /// <summary>Both operands rounded, terms added one after the other: relative to the sum of the products' magnitudes.</summary>
    double Product(int terms) => (2 * u) + (u * u) + ((terms + 2) * Eps);

    int Place(int b, int token, int part, int head) => ((((b * tokens) + token) * 3 + part) * heads + head) * width;

    int Output(int b, int token, int head) => (((b * tokens) + token) * heads + head) * width;

    (double Sum, double Magnitude) Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0, magnitude = 0;
        for (int d = 0; d < width; d++)
            (sum, magnitude) = (sum + ((double)a[d] * b[d]), magnitude + Math.Abs((double)a[d] * b[d]));
        return (sum, magnitude);
    }

    ReadOnlySpan<float> Row(int b, int token, int part, int head) => qkv.AsSpan(Place(b, token, part, head), width);

    /// <summary>Fills all bounds from the exact statistics and y, and the upstream gradient.</summary>
    public void Compute(double[] y, double[] statistics, float[] dy)
    {
        for (int b = 0; b < batch; b++)
        {
            for (int head = 0; head < heads; head++)
            {
                for (int i = 0; i < tokens; i++)
                    Query(b, head, i, y, statistics, dy);
            }
        }
    }

    void Query(int b, int head, int i, double[] y, double[] statistics, float[] dy)
    {
        int output = Output(b, i, head), row = 2 * ((((b * heads) + head) * tokens) + i);
        double largest = statistics[row], inverse = statistics[row + 1], most = 0, mostOfScores = 0, delta = 0, deltaMagnitude = 0;
        for (int d = 0; d < width; d++)
            (delta, deltaMagnitude) = (delta + (dy[output + d] * y[output + d]), deltaMagnitude + Math.Abs(dy[output + d] * y[output + d]));
        for (int j = 0; j < tokens; j++)
        {
            (double score, double magnitude) = Dot(Row(b, i, 0, head), Row(b, j, 1, head));
            double s = scale * (score - largest), p = Math.Exp(s) * inverse, scoreError = Product(width) * scale * magnitude;
            // The difference and its multiple are rounded; the largest score and the sum came as float32.
            double relative = Math.Exp(scoreError + (2 * Eps * Math.Abs(s)) + (Eps * scale * Math.Abs(largest)) + Exp + (3 * Eps)) - 1;
            Pair(b, head, i, j, p, relative, delta, deltaMagnitude, dy);
            // In the forward pass every tile of keys shrinks what was there by one more exp. With weights w = p e^error,
            // y' - y = sum(p (e^error - 1) (v - y)) / sum(w).
            double error = scoreError + (2 * Eps * Math.Abs(s)) + ((tokens / 32 + 2) * 2 * Exp);
            most = Math.Max(most, error);
            mostOfScores = Math.Max(mostOfScores, scoreError / scale);
            ReadOnlySpan<float> v = Row(b, j, 2, head);
            for (int d = 0; d < width; d++)
                Y[output + d] += p * (((Math.Exp(error) - 1) * Math.Abs(v[d] - y[output + d]))
                    + (Math.Exp(error) * Product(tokens) * Math.Abs(v[d])));
        }
        // What the largest score errs by is an error of all terms of the sum.
        Statistics[row] = mostOfScores;
        Statistics[row + 1] = inverse * (Math.Exp(most + (scale * mostOfScores) + ((tokens + 4) * Eps)) - 1);
        for (int d = 0; d < width; d++)
            Y[output + d] = (Y[output + d] * Math.Exp(most)) + (tokens * Eps * Math.Abs(y[output + d]));
    }

    /// <summary>Adds the errors of one pair of query and key to the gradient's.</summary>
    void Pair(int b, int head, int i, int j, double p, double relative, double delta, double deltaMagnitude, float[] dy)
    {
        ReadOnlySpan<float> g = dy.AsSpan(Output(b, i, head), width), q = Row(b, i, 0, head), k = Row(b, j, 1, head);
        (double dp, double magnitude) = Dot(g, Row(b, j, 2, head));
        double ds = scale * p * (dp - delta);
        double dsError = (scale * p * (1 + relative) * Product(width) * (magnitude + deltaMagnitude))
            + (((1 + relative) * (1 + (4 * Eps)) - 1) * Math.Abs(ds));
        double product = Product(tokens), total = dsError + (product * (Math.Abs(ds) + dsError)),
            totalP = p * (relative + (product * (1 + relative)));
        int dq = Place(b, i, 0, head), dk = Place(b, j, 1, head), dv = Place(b, j, 2, head);
        for (int d = 0; d < width; d++)
        {
            Gradient[dq + d] += total * Math.Abs(k[d]);
            Gradient[dk + d] += total * Math.Abs(q[d]);
            Gradient[dv + d] += totalP * Math.Abs(g[d]);
        }
    }
}
