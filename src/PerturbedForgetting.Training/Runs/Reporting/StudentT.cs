namespace PerturbedForgetting.Training.Runs.Reporting;

/// <summary>Student's t distribution, as far as confidence intervals of means need it.</summary>
static class StudentT
{
    /// <summary>
    /// The number that |t| stays below with a given probability. It is found by halving: P(|t| &lt; x) = 1 - I_{ν/(ν+x²)}(ν/2, 1/2), with
    /// the regularised incomplete beta function I, rises with x.
    /// </summary>
    /// <param name="confidence">Above 0 and below 1.</param>
    /// <param name="degrees">Degrees of freedom ν, at least 1.</param>
    public static double TwoSided(double confidence, int degrees)
    {
        double low = 0, high = 1;
        while (Within(high, degrees) < confidence)
            high *= 2;
        // As many halvings as a double has digits.
        for (int i = 0; i < 100 && low < high; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Within(middle, degrees) < confidence ? (middle, high) : (low, middle);
        }
        return high;
    }

    static double Within(double x, int degrees) => 1 - IncompleteBeta(degrees / 2.0, 0.5, degrees / (degrees + x * x));

    /// <summary>I_x(a, b) by its continued fraction (DLMF 8.17.22), on the side where it converges fast.</summary>
    static double IncompleteBeta(double a, double b, double x)
    {
        if (x <= 0 || x >= 1)
            return x <= 0 ? 0 : 1;
        double front = Math.Exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + a * Math.Log(x) + b * Math.Log(1 - x));
        return x < (a + 1) / (a + b + 2) ? front * Fraction(a, b, x) / a : 1 - front * Fraction(b, a, 1 - x) / b;
    }

    /// <summary>The continued fraction from its first terms on (modified Lentz).</summary>
    static double Fraction(double a, double b, double x)
    {
        const double Tiny = 1e-300;
        double c = 1, d = Guard(1 - (a + b) * x / (a + 1)), value = d = 1 / d;
        for (int m = 1; m <= 1000; m++)
        {
            Step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
            double change = Step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
            if (Math.Abs(change - 1) < 1e-16)
                break;
        }
        return value;

        double Step(double term)
        {
            d = 1 / Guard(1 + term * d);
            c = Guard(1 + term / c);
            value *= c * d;
            return c * d;
        }

        static double Guard(double v) => Math.Abs(v) < Tiny ? Tiny : v;
    }

    /// <summary>ln Γ(x) for x &gt; 0 by Stirling's series, after x has been raised to where that has fifteen digits.</summary>
    static double LogGamma(double x)
    {
        double shift = 0;
        for (; x < 12; x++)
            shift += Math.Log(x);
        double square = 1 / (x * x);
        double series = (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680 - square / 1188)))) / x;
        return (x - 0.5) * Math.Log(x) - x + 0.5 * Math.Log(2 * Math.PI) + series - shift;
    }
}
