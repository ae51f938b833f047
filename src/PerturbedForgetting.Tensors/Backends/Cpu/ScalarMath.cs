namespace PerturbedForgetting.Tensors.Backends.Cpu;

/// <summary>Functions that .NET lacks, to the accuracy of float64.</summary>
static class ScalarMath
{
    /// <summary>log(1 + x), without loss for small x.</summary>
    public static double Log1p(double x)
    {
        double u = 1 + x;
        // The rounding error of 1 + x cancels in the ratio (Kahan).
        return u == 1 ? x : Math.Log(u) * (x / (u - 1));
    }

    /// <summary>The normal distribution's cdf; absolute error below 2e-16, and in the lower tail (x at most -3) a relative one of some
    /// 1e-16 x^2.</summary>
    public static double NormalCdf(double x)
    {
        if (double.IsNaN(x))
            return x;
        double a = Math.Abs(x);
        double density = Math.Exp(-0.5 * a * a) / Math.Sqrt(2 * Math.PI);
        if (a < 3)
        {
            double half = density * CentralSeries(a);
            return x < 0 ? 0.5 - half : 0.5 + half;
        }
        double tail = density == 0 ? 0 : density * MillsRatio(a);
        return x < 0 ? tail : 1 - tail;
    }

    /// <summary>(cdf(a) - 1/2) / pdf(a) = a + a^3/3 + a^5/(3*5) + ...: all terms positive, so nothing cancels.</summary>
    static double CentralSeries(double a)
    {
        double term = a, sum = a;
        for (int k = 3; term > sum * 1e-17; k += 2)
        {
            term *= a * a / k;
            sum += term;
        }
        return sum;
    }

    /// <summary>(1 - cdf(a)) / pdf(a) = 1/(a + 1/(a + 2/(a + 3/(a + ...)))) (Laplace), from a depth that suffices for a of 3 and
    /// more.</summary>
    static double MillsRatio(double a)
    {
        double fraction = a;
        for (int k = 100; k > 0; k--)
            fraction = a + k / fraction;
        return 1 / fraction;
    }
}
