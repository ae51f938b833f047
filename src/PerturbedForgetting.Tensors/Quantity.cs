using System.Globalization;

namespace PerturbedForgetting.Tensors;

/// <summary>Numbers of things in messages.</summary>
public static class Quantity
{
    /// <summary>"1 image", "3 images".</summary>
    /// <param name="count">How many.</param>
    /// <param name="one">The word for one.</param>
    /// <param name="many">The word for others, where that is not <paramref name="one"/> with an s.</param>
    public static string Of(long count, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? one : many ?? one + "s")}");
}
