using System.Globalization;

namespace PerturbedForgetting.Vision.Datasets;

/// <summary>Settings of the procedural set of shapes.</summary>
/// <param name="Share">Share of training images whose background is the one of their class, 0 to 1.</param>
/// <param name="Train">Number of training images.</param>
/// <param name="Validation">Number of validation images.</param>
/// <param name="Size">Side in pixels.</param>
/// <param name="Seed">Seed of everything drawn.</param>
public sealed record ShapesOptions(double Share = 0.9, int Train = 5000, int Validation = 1000, int Size = 32, ulong Seed = 42)
{
    /// <summary>The set's name.</summary>
    public const string Name = "builtin/shapes";

    /// <summary>Reads "builtin/shapes" or "builtin/shapes:share=0.9,train=5000,val=1000,size=32,seed=1".</summary>
    /// <exception cref="DatasetException">A setting is unknown or its value out of range.</exception>
    public static ShapesOptions Parse(string dataset, ulong seed)
    {
        var options = new ShapesOptions(Seed: seed);
        int colon = dataset.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
            return options;
        const StringSplitOptions Words = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
        foreach (string setting in dataset[(colon + 1)..].Split(',', Words))
        {
            string[] parts = setting.Split('=', 2, StringSplitOptions.TrimEntries);
            string value = parts.Length == 2 ? parts[1] : "";
            options = parts[0] switch
            {
                "share" => options with { Share = Number(setting, value, 0, 1) },
                "train" => options with { Train = (int)Integer(setting, value, 1, 100_000_000) },
                "val" or "validation" => options with { Validation = (int)Integer(setting, value, 1, 100_000_000) },
                "size" => options with { Size = (int)Integer(setting, value, 8, 1024) },
                "seed" => options with { Seed = Integer(setting, value, 0, ulong.MaxValue) },
                _ => throw new DatasetException(
                    $"`{nameof(dataset)}` {dataset}: '{parts[0]}' is no setting of {Name}; there are share, train, val, size and seed",
                    wrongOption: true),
            };
        }
        return options;
    }

    static double Number(string setting, string value, double lowest, double highest) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number >= lowest && number <= highest
            ? number
            : throw OutOfRange(setting, lowest, highest);

    static ulong Integer(string setting, string value, ulong lowest, ulong highest) =>
        ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number >= lowest && number <= highest
            ? number
            : throw OutOfRange(setting, lowest, highest);

    static DatasetException OutOfRange(string setting, object lowest, object highest) =>
        new(FormattableString.Invariant($"`dataset` {Name}: {setting} is out of range; the value lies in {lowest} to {highest}"),
            wrongOption: true);
}
