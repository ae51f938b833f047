namespace PerturbedForgetting.Tensors;

/// <summary>Finds what somebody probably meant.</summary>
public static class Suggestions
{
    /// <summary>No name is longer, and what is typed for one is hardly.</summary>
    const int Longest = 200;

    /// <summary>" Did you mean 'a' or 'b'?" with the likest candidates, or nothing when none is near.</summary>
    public static string DidYouMean(string given, IEnumerable<string> candidates)
    {
        (string Name, int Cost)[] ranked = [.. Ranked(given, candidates)];
        IEnumerable<string> nearest = ranked.TakeWhile(c => c.Cost == ranked[0].Cost).Take(3).Select(c => $"'{c.Name}'");
        return ranked.Length == 0 ? "" : $" Did you mean {string.Join(" or ", nearest)}?";
    }

    static IEnumerable<(string Name, int Cost)> Ranked(string given, IEnumerable<string> candidates)
    {
        if (given.Length > Longest)
            return [];
        string wanted = given.ToLowerInvariant();
        int limit = Math.Max(2, wanted.Length / 3);
        return candidates
            .Select(c => (Name: c, Cost: Cost(wanted, c.ToLowerInvariant())))
            .Where(c => c.Cost <= limit)
            .OrderBy(c => c.Cost);
    }

    static int Cost(string a, string b)
    {
        // A word that was cut short or lengthened is nearer than its length says.
        bool within = a.Length >= 3 && (b.StartsWith(a, StringComparison.Ordinal) || b.EndsWith(a, StringComparison.Ordinal)
            || (b.Length >= 3 && a.StartsWith(b, StringComparison.Ordinal)));
        return within ? Math.Min(1, Distance(a, b)) : Distance(a, b);
    }

    /// <summary>Fewest insertions, deletions, replacements and swaps of neighbours that turn one text into the other.</summary>
    static int Distance(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (int j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int replace = d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(replace, Math.Min(d[i - 1, j], d[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
