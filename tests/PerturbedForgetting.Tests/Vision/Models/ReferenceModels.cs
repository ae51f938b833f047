using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Models;

namespace PerturbedForgetting.Tests.Vision.Models;

/// <summary>One whole network of the reference numbers: its description, the model, its input and labels.</summary>
sealed class ReferenceModel
{
    readonly JsonElement config;

    public ReferenceModel(ReferenceCase @case)
    {
        Case = @case;
        Json = ReferenceData.Json(@case.Json.GetProperty("file").GetString()!);
        config = Json.GetProperty("config");
        InputShape = [.. Json.GetProperty("input").GetProperty("shape").EnumerateArray().Select(static e => e.GetInt32())];
        Classes = Json.GetProperty("targets").GetProperty("num_classes").GetInt32();
    }

    public static IEnumerable<ReferenceCase> Cases => ReferenceData.Cases("models");

    public ReferenceCase Case { get; }

    public JsonElement Json { get; }

    public IEnumerable<JsonElement> Entries => Json.GetProperty("entries").EnumerateArray();

    /// <summary>N,C,H,W.</summary>
    public int[] InputShape { get; }

    public int Classes { get; }

    public bool IsResNet => Architecture.StartsWith("resnet", StringComparison.Ordinal);

    /// <summary>A small factor on the last normalisation makes a deep network well conditioned.</summary>
    public double LastNormScale => config.TryGetProperty("bn3_scale", out var scale) ? scale.GetDouble() : 1;

    string Architecture => config.GetProperty("arch").GetString()!;

    /// <summary>The model with undefined weights.</summary>
    public ImageModel Build()
    {
        using var undefined = Initialization.BeginUndefined();
        return Architecture switch
        {
            "resnet" => new ResNet(new ResNetOptions
            {
                Layers = [.. config.GetProperty("layers").EnumerateArray().Select(static e => e.GetInt32())],
                Cardinality = Number("cardinality", 1),
                BaseWidth = Number("base_width", 64),
                Stem = config.TryGetProperty("stem_type", out _) ? ResNetStem.Deep : ResNetStem.Plain,
                StemWidth = Number("stem_width", 64),
                NumClasses = Classes,
            }),
            "vit" => new VisionTransformer(new VisionTransformerOptions
            {
                ImageHeight = Number("img", 0),
                ImageWidth = Number("img", 0),
                PatchSize = Number("patch", 0),
                Dim = Number("embed_dim", 0),
                Depth = Number("depth", 0),
                Heads = Number("heads", 0),
                ClassToken = config.GetProperty("class_token").GetBoolean(),
                Pooling = config.GetProperty("global_pool").GetString() == "avg" ? TokenPooling.Average : TokenPooling.Token,
                NumClasses = Classes,
            }),
            _ => ModelRegistry.Create(Architecture, new ModelOptions
            {
                GlobalPool = config.TryGetProperty("global_pool", out var pool) ? pool.GetString() : null,
                Kwargs = config.TryGetProperty("class_token", out var token)
                    ? new Dictionary<string, string> { ["class_token"] = token.GetBoolean() ? "True" : "False" }
                    : [],
            }),
        };
    }

    /// <summary>The images, N,H,W,C.</summary>
    public Tensor Input() =>
        Tensor.From(Layouts.ChannelsLast(ReferenceWeights.Input(InputShape), InputShape),
            [InputShape[0], InputShape[2], InputShape[3], InputShape[1]], Initialization.Current.Device);

    public Tensor Labels() =>
        Tensor.From(Array.ConvertAll(ReferenceWeights.Labels(InputShape[0], Classes), static l => (int)l), [InputShape[0]],
            Initialization.Current.Device);

    int Number(string key, int fallback) => config.TryGetProperty(key, out var value) ? value.GetInt32() : fallback;
}
