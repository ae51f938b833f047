namespace PerturbedForgetting.Vision.Datasets.Containers.Tar;

/// <summary>Files in a tar archive that are containers themselves, read where they are.</summary>
static class TarParts
{
    /// <summary>Opens some of those with one extension.</summary>
    /// <param name="path">The archive, which may be packed by gzip.</param>
    /// <param name="extension">The extension: ".parquet".</param>
    /// <param name="choose">Which to open of all, whose names it is given in their order.</param>
    /// <param name="options">Progress and stop.</param>
    /// <param name="notes">Is told whether it was packed.</param>
    /// <returns>What was chosen.</returns>
    /// <exception cref="DatasetException">The archive is damaged.</exception>
    public static (string[] Names, ContainerFiles Files) Open(string path, string extension, Func<string[], string[]> choose,
        DatasetOptions options, List<string> notes)
    {
        using ContainerFiles archive = ContainerFiles.Open([path], options, notes);
        Dictionary<string, TarMember> members = Find(archive, extension);
        string[] names = choose([.. members.Keys.Order(StringComparer.Ordinal)]);
        return (names, new ContainerFiles(names.Select(n => Part(members[n])), options));

        ContainerFile Part(TarMember member) => new($"{path}: {member.Name}")
        {
            Whole = path,
            Start = member.Offset,
            Length = member.Length,
            Unpacked = archive[0].Unpacked is null ? null : UnpackedFile.Open(path, options),
        };
    }

    static Dictionary<string, TarMember> Find(ContainerFiles archive, string extension)
    {
        string path = archive.Paths[0];
        try
        {
            var window = new FileWindow(archive, 0);
            var scanner = new TarScanner(window, path, 0, window.Length);
            Dictionary<string, TarMember> found = new(StringComparer.Ordinal);
            while (scanner.Next(out TarMember member))
            {
                if (TarText.IsLitter(member.Name) || !member.Name.EndsWith(extension, StringComparison.OrdinalIgnoreCase))
                    continue;
                if (member.IsSparse)
                    throw new DatasetException($"{path}: {member.Name} is stored with holes left out; unpack the archive");
                found[member.Name] = member;
            }
            return found;
        }
        catch (IOException e)
        {
            throw new DatasetException($"{path} cannot be read: {archive.Retries.Describe(e)}");
        }
    }
}
