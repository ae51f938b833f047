namespace PerturbedForgetting.Training.Checkpoints;

/// <summary>Recognises PyTorch's pickle files, which can run any code when they are read, and says how to convert them.</summary>
static class PickleRefusal
{
    /// <summary>Refuses a pickle by its first bytes or, where there is no file to look at, by its name.</summary>
    /// <exception cref="CheckpointException">It is one.</exception>
    public static void Check(string path)
    {
        Span<byte> start = stackalloc byte[4];
        start.Clear();
        if (File.Exists(path))
        {
            using var stream = File.OpenRead(path);
            stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        }
        bool zip = start.SequenceEqual("PK\x3\x4"u8), pickle = start[0] == 0x80 && start[1] is >= 2 and <= 5;
        string name = Path.GetFileName(path).ToLowerInvariant();
        bool named = name.EndsWith(".pth", StringComparison.Ordinal) || name.EndsWith(".pth.tar", StringComparison.Ordinal)
            || name.EndsWith(".pt", StringComparison.Ordinal) || name.EndsWith(".npz", StringComparison.Ordinal);
        if (zip || pickle || named)
            throw new CheckpointException(path,
                "this is a PyTorch or NumPy archive, and only safetensors files are read. Convert it once with Python: "
                + "from safetensors.torch import save_file; c = torch.load('FILE', weights_only=True); "
                + "save_file({k.removeprefix('module.'): v.contiguous() for k, v in c.get('state_dict', c).items()}, 'FILE.safetensors')");
    }
}
