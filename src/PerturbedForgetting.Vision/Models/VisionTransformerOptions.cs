namespace PerturbedForgetting.Vision.Models;

/// <summary>How the features of the tokens become the features of the image.</summary>
public enum TokenPooling
{
    /// <summary>The class token.</summary>
    Token,
    /// <summary>Mean over the patches, without the class token.</summary>
    Average,
    /// <summary>None: logits for every token.</summary>
    None,
}

/// <summary>Shape of a <see cref="VisionTransformer"/>; the defaults are those of ViT-S/16.</summary>
public sealed record VisionTransformerOptions
{
    /// <summary>Height of the images in pixels, a multiple of <see cref="PatchSize"/>.</summary>
    public int ImageHeight { get; init; } = 224;

    /// <summary>Width of the images in pixels, a multiple of <see cref="PatchSize"/>.</summary>
    public int ImageWidth { get; init; } = 224;

    /// <summary>Edge of a patch in pixels.</summary>
    public int PatchSize { get; init; } = 16;

    /// <summary>Features of a token.</summary>
    public int Dim { get; init; } = 384;

    /// <summary>Blocks.</summary>
    public int Depth { get; init; } = 12;

    /// <summary>Heads of the attention; they share <see cref="Dim"/> evenly.</summary>
    public int Heads { get; init; } = 6;

    /// <summary>Hidden features of the MLP for each feature of a token.</summary>
    public double MlpRatio { get; init; } = 4;

    /// <summary>Whether query, key and value have a bias.</summary>
    public bool QkvBias { get; init; } = true;

    /// <summary>Whether a learnt token is put before the patches.</summary>
    public bool ClassToken { get; init; } = true;

    /// <summary>How tokens are pooled.</summary>
    public TokenPooling Pooling { get; init; } = TokenPooling.Token;

    /// <summary>Whether the final layer norm follows the pooling instead of preceding it; null: where the pooling is the mean.</summary>
    public bool? NormAfterPooling { get; init; }

    /// <summary>Dropout of the pooled features.</summary>
    public double Drop { get; init; }

    /// <summary>Classes.</summary>
    public int NumClasses { get; init; } = 1000;
}
