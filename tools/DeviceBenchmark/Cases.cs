namespace DeviceBenchmark;

/// <summary>What is trained: the four models of the reference's ImageNet experiments at the batches of one of its GPUs, and models that the
/// processor, and the software GPU, train in a moment.</summary>
static class Cases
{
    const int Classes = 10, Pixels = 32, ImageNetClasses = 1000, ImageNetPixels = 224, Chunk = 64;
    const int TransformerBatch = 512, ResNetBatch = 256;

    static readonly Dictionary<string, string> none = [];

    /// <summary>The reference's transformers have no class token: features are averaged.</summary>
    static readonly Dictionary<string, string> averaged = new() { ["class_token"] = "false" };

    public static TrainingShape SmallResNet { get; } =
        new("resnet20", new Dictionary<string, string> { ["layers"] = "[1, 1, 1]" }, Classes, Pixels, 2, 1, "sam_sgdw");

    public static TrainingShape SmallTransformer { get; } = new("vit_tiny_patch4_32",
        new Dictionary<string, string> { ["embed_dim"] = "32", ["num_heads"] = "2", ["depth"] = "2", ["patch_size"] = "8" }, Classes,
        Pixels, 2, 1, "sam_adamw");

    public static IReadOnlyList<TrainingShape> Small { get; } = [SmallResNet, SmallTransformer];

    /// <summary>SAM with output-bias forgetting; the transformers with binary cross entropy and clipped gradients.</summary>
    public static IReadOnlyList<TrainingShape> Reference { get; } =
    [
        Transformer("vit_small_patch32_224"), ResNet("resnet50"), Transformer("vit_small_patch16_224"), ResNet("resnet101"),
    ];

    /// <summary>Of a device: those that it can train.</summary>
    public static IReadOnlyList<TrainingShape> Of(string device) => device is "sim" or "cpu" ? Small : Reference;

    /// <summary>The same without perturbation.</summary>
    public static TrainingShape Plain(TrainingShape shape) =>
        shape with { Optimizer = shape.Optimizer["sam_".Length..], Chunk = shape.Batch };

    static TrainingShape Transformer(string model) =>
        new(model, averaged, ImageNetClasses, ImageNetPixels, TransformerBatch, Chunk, "sam_adamw")
        {
            GlobalPool = "avg",
            IsBinary = true,
            ClipNorm = 1,
        };

    static TrainingShape ResNet(string model) =>
        new(model, none, ImageNetClasses, ImageNetPixels, ResNetBatch, Chunk, "sam_sgdw");
}
