using PerturbedForgetting.Tensors;

namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>What a user should know of an archive beside its files.</summary>
/// <param name="Specials">Links, devices and the like, which are not followed.</param>
/// <param name="FirstSpecial">The first of them.</param>
/// <param name="Escapes">Files whose names lead out of the archive's folder.</param>
/// <param name="HasEnd">Whether it has an end mark.</param>
/// <param name="Trailing">Bytes behind it that are no archive.</param>
readonly record struct TarFindings(int Specials, string FirstSpecial, int Escapes, bool HasEnd, long Trailing)
{
    /// <summary>What a scanner found that has come to the end.</summary>
    public static TarFindings Of(TarScanner scanner) =>
        new(scanner.Specials, scanner.FirstSpecial, scanner.Escapes, scanner.HasEnd, scanner.Trailing);

    /// <summary>Those of an archive and of one within it.</summary>
    public TarFindings And(TarFindings inner) => new(Specials + inner.Specials, Specials > 0 ? FirstSpecial : inner.FirstSpecial,
        Escapes + inner.Escapes, HasEnd && inner.HasEnd, Trailing + inner.Trailing);

    /// <summary>Sentences about several archives, at most one a kind.</summary>
    public static IEnumerable<string> Describe(IReadOnlyList<string> paths, IReadOnlyList<TarFindings> findings)
    {
        if (Sum(static f => f.Specials) is ( > 0 and var links, var withLink))
            yield return $"{Quantity.Of(links, "link or device", "links and devices")} in {paths[withLink]}{More(static f => f.Specials)} "
                + $"{(links == 1 ? "was" : "were")} not followed: '{findings[withLink].FirstSpecial}'{(links > 1 ? ", …" : "")}";
        if (Sum(static f => f.Escapes) is ( > 0 and var escapes, var withEscape))
            yield return $"{Quantity.Of(escapes, "file")} in {paths[withEscape]}{More(static f => f.Escapes)} "
                + $"{(escapes == 1 ? "was" : "were")} passed over: '..' in a name leads out of the archive";
        if (Sum(static f => f.HasEnd ? 0 : 1) is ( > 0, var withoutEnd))
            yield return $"{paths[withoutEnd]}{More(static f => f.HasEnd ? 0 : 1)} ends without an end mark: if it was cut short "
                + "there, files are missing";
        if (Sum(static f => f.Trailing) is ( > 0 and var bytes, var withTrailing))
            yield return $"{Quantity.Of(bytes, "byte")} behind the end of {paths[withTrailing]}{More(static f => f.Trailing)} are no "
                + "archive and were passed over";

        (long Sum, int First) Sum(Func<TarFindings, long> count) => (findings.Sum(count), findings.ToList().FindIndex(f => count(f) > 0));

        string More(Func<TarFindings, long> count) => findings.Count(f => count(f) > 0) is > 1 and var archives
            ? $" and {Quantity.Of(archives - 1, "other archive")}" : "";
    }

    /// <summary>Writes them.</summary>
    public void Write(IndexWriter to)
    {
        to.Number(Specials);
        to.Text(FirstSpecial);
        to.Number(Escapes);
        to.Number(HasEnd ? 1 : 0);
        to.Number(Trailing);
    }

    /// <summary>Reads them.</summary>
    /// <exception cref="InvalidDataException">They are damaged.</exception>
    public static TarFindings Read(IndexReader from) =>
        new((int)from.Number(int.MaxValue), from.Text(), (int)from.Number(int.MaxValue), from.Number(1) == 1, from.Number());
}
