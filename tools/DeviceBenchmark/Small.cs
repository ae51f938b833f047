namespace DeviceBenchmark;

/// <summary>Models that the processor, and the software GPU, train in a moment.</summary>
static class Small
{
    const int Classes = 10, Pixels = 32;

    public static TrainingShape ResNet { get; } =
        new("resnet20", new Dictionary<string, string> { ["layers"] = "[1, 1, 1]" }, Classes, Pixels, 2, 1, "sam_sgdw");

    public static TrainingShape Transformer { get; } = new("vit_tiny_patch4_32",
        new Dictionary<string, string> { ["embed_dim"] = "32", ["num_heads"] = "2", ["depth"] = "2", ["patch_size"] = "8" }, Classes,
        Pixels, 2, 1, "sam_adamw");
}
