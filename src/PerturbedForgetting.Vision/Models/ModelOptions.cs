namespace PerturbedForgetting.Vision.Models;

/// <summary>What a user may change of a registered model; what is null keeps the model's own value.</summary>
public sealed record ModelOptions
{
    /// <summary>Classes.</summary>
    public int? NumClasses { get; init; }

    /// <summary>Height and width of the images in pixels.</summary>
    public int? ImageSize { get; init; }

    /// <summary>How the features become one vector: <c>avg</c>, and for transformers <c>token</c> or empty for no pooling.</summary>
    public string? GlobalPool { get; init; }

    /// <summary>Dropout before the classifier, in [0, 1).</summary>
    public double Drop { get; init; }

    /// <summary>Share of the new batch in the running statistics.</summary>
    public double? BnMomentum { get; init; }

    /// <summary>Added to the variance.</summary>
    public double? BnEps { get; init; }

    /// <summary>Overwrites the classifier's bias.</summary>
    public double? HeadInitBias { get; init; }

    /// <summary>Options of the architecture by name, values as text.</summary>
    public IReadOnlyDictionary<string, string> Kwargs { get; init; } = new Dictionary<string, string>();
}
