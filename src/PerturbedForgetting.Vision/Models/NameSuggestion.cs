namespace PerturbedForgetting.Vision.Models;

/// <summary>Finds what a user may have meant.</summary>
static class NameSuggestion
{
    /// <summary>A sentence with a leading space that proposes the nearest candidate; empty when none is near.</summary>
    public static string For(string name, IEnumerable<string> candidates)
    {
        string? nearest = candidates.MinBy(c => Distance(name, c));
        return nearest is not null && Distance(name, nearest) <= Math.Max(2, name.Length / 3) ? $" Did you mean '{nearest}'?" : "";
    }

    /// <summary>Levenshtein's distance, ignoring case.</summary>
    static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int replace = diagonal + (char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replace, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return row[b.Length];
    }
}
