using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Vision.Datasets.WebDataset;

/// <summary>A file of a sample. WebDataset's key ends at the first dot of the name, and what follows is the kind: of "a/7.left.jpg" the key
/// is "a/7", the kind "jpg" and the part "left".</summary>
/// <param name="Key">Name of the sample.</param>
/// <param name="Part">What stands between key and kind; mostly nothing.</param>
/// <param name="Kind">The extension in small letters: "jpg", "cls", "cls.txt".</param>
/// <param name="Member">The file.</param>
readonly record struct SampleFile(string Key, string Part, string Kind, TarMember Member)
{
    static readonly string[] preferred = ["jpg", "jpeg", "png", "webp"];

    /// <summary>Whether it is an image.</summary>
    public bool IsImage => FolderScan.IsImage("." + Kind);

    /// <summary>Which of several images of a sample is taken: the lowest.</summary>
    public int Rank => Array.IndexOf(preferred, Kind) is >= 0 and var rank ? rank : preferred.Length;

    /// <summary>Takes a name apart; false where it has no extension.</summary>
    public static bool TryParse(TarMember member, out SampleFile file)
    {
        string name = member.Name;
        int dot = name.IndexOf('.', name.LastIndexOf('/') + 1);
        file = default;
        if (dot < 0 || dot == name.Length - 1)
            return false;
        string behind = name[(dot + 1)..], small = behind.ToLowerInvariant();
        int last = small.EndsWith(".cls.txt", StringComparison.Ordinal) ? small.Length - "cls.txt".Length
            : small == "cls.txt" ? 0
            : small.LastIndexOf('.') + 1;
        file = new SampleFile(name[..dot], last == 0 ? "" : behind[..(last - 1)], small[last..], member);
        return true;
    }
}
