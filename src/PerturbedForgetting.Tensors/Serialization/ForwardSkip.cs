namespace PerturbedForgetting.Tensors.Serialization;

/// <summary>Passes over bytes of streams that cannot seek.</summary>
static class ForwardSkip
{
    /// <summary>Passes over so many bytes, or to the end.</summary>
    public static void Skip(Stream stream, long count)
    {
        byte[] buffer = new byte[(int)Math.Min(1 << 16, count)];
        while (count > 0)
        {
            int read = stream.Read(buffer.AsSpan(0, (int)Math.Min(buffer.Length, count)));
            if (read == 0)
                return;
            count -= read;
        }
    }
}
