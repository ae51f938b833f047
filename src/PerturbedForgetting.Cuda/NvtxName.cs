using System.Text;

namespace PerturbedForgetting.Cuda;

/// <summary>The name of a range, encoded once so that pushing it allocates nothing.</summary>
public sealed class NvtxName(string text)
{
    /// <summary>The name in UTF-8 with a closing NUL byte.</summary>
    internal byte[] Utf8 { get; } = Encoding.UTF8.GetBytes(text + '\0');

    /// <inheritdoc/>
    public override string ToString() => Encoding.UTF8.GetString(Utf8.AsSpan(0, Utf8.Length - 1));
}
