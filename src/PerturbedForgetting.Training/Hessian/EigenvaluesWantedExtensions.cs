using PerturbedForgetting.Training.Options;

namespace PerturbedForgetting.Training.Hessian;

/// <summary>Chooses among eigenvalues.</summary>
static class EigenvaluesWantedExtensions
{
    /// <summary>How many a count means.</summary>
    public static int Total(this EigenvaluesWanted wanted, int count) => wanted == EigenvaluesWanted.Both ? 2 * count : count;

    /// <summary>Indices of the wanted ones, the most wanted first; of both ends the large end first.</summary>
    /// <param name="wanted">Which.</param>
    /// <param name="ascending">All there are, ascending.</param>
    /// <param name="count">How many, of each end.</param>
    public static int[] Pick(this EigenvaluesWanted wanted, double[] ascending, int count)
    {
        int n = ascending.Length;
        var all = Enumerable.Range(0, n);
        return wanted switch
        {
            EigenvaluesWanted.Magnitude => [.. all.OrderByDescending(i => Math.Abs(ascending[i])).Take(count)],
            EigenvaluesWanted.Largest => [.. all.Reverse().Take(count)],
            EigenvaluesWanted.Smallest => [.. all.Take(count)],
            // Where both ends meet, each value once.
            _ => [.. all.Reverse().Take(count), .. all.Take(Math.Min(count, Math.Max(0, n - count)))],
        };
    }
}
