using System.Text;

namespace PerturbedForgetting.Cuda;

/// <summary>Status codes as NVIDIA's headers call them; the enumerations have the same names in another spelling.</summary>
static class StatusNames
{
    /// <summary><c>CUDA_ERROR</c> and <c>InvalidValue</c> → <c>CUDA_ERROR_INVALID_VALUE</c>; null for a code that is not known.</summary>
    public static string? Of<T>(string prefix, T status) where T : struct, Enum
    {
        if (!Enum.IsDefined(status))
            return null;
        StringBuilder name = new(prefix);
        foreach (char c in status.ToString())
        {
            if (char.IsUpper(c))
                name.Append('_');
            name.Append(char.ToUpperInvariant(c));
        }
        return name.ToString();
    }
}
