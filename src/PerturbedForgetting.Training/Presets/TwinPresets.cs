namespace PerturbedForgetting.Training.Presets;

/// <summary>
/// The experiments on a scale for two processor cores and some minutes: small models on CIFAR-10 and on <c>builtin/shapes</c>, each with
/// the own options of an experiment of the paper. The shares of the schedule, of the radii and of the perturbation batch are about the
/// paper's.
/// </summary>
static class TwinPresets
{
    const string Train = "--resume auto --workers 1 --validation-batch-size 250 --warmup-lr 0 --checkpoint-hist 1 "
        + "--log-interval 50 --obf-C 10 --img-size 32";

    const string ResNet = "--model resnet20 --model-kwargs layers=[1,1,1]",
        Transformer = "--model vit_tiny_patch4_32 --model-kwargs patch_size=8 embed_dim=64 depth=4 num_heads=4 --bce-loss";

    const string TrainResNet = $"{ResNet} {Train} --momentum 0.9 --lr 0.1 --min-lr 0.001 --weight-decay 0.001 --rho 0.1 --min-rho 0.05";

    const string TrainTransformer = $"{Transformer} {Train} --head-init-bias -2.3 --lr 0.002 --min-lr 0.00002 --weight-decay 0.1 "
        + "--clip-grad 1 --rho 0.1 --min-rho 0";

    const string FineTune = $"{Train} --pretrained --momentum 0.9 --weight-decay 0 --clip-grad 1 --min-lr 0 --min-rho 0 --epochs 3 "
        + "--warmup-epochs 1";

    const string Cifar = "--dataset cifar10 --crop-padding 4 --batch-size 128 --sharpness-m 64",
        Shapes = "--crop-padding 2 --batch-size 64 --sharpness-m 32";

    // A transformer of this size learns little but the background where that tells the class of nine training images in ten.
    const string ResNetShapes = $"--dataset builtin/shapes {Shapes}", TransformerShapes = $"--dataset builtin/shapes:share=0.5 {Shapes}";

    static readonly PresetFamily rn8c10 = Family("rn8c10", "ResNet-8 on CIFAR-10", $"{Cifar} {TrainResNet} --epochs 6 --warmup-epochs 1"),
        rn8sh = Family("rn8sh", "ResNet-8 on drawn shapes", $"{ResNetShapes} {TrainResNet} --epochs 12 --warmup-epochs 1"),
        vitxsc10 = Family("vitxsc10", "a small ViT/8 on CIFAR-10", $"{Cifar} {TrainTransformer} --epochs 6 --warmup-epochs 1"),
        vitxssh = Family("vitxssh", "a small ViT/8 on drawn shapes",
            $"{TransformerShapes} {TrainTransformer} --lr 0.003 --epochs 24 --warmup-epochs 1"),
        rn8shc10 = Family("rn8shc10", "ResNet-8 of drawn shapes, fine-tuned on CIFAR-10",
            $"{Cifar} {ResNet} {FineTune} --lr 0.01 --rho 0.1"),
        vitxsshc10 = Family("vitxsshc10", "a small ViT/8 of drawn shapes, fine-tuned on CIFAR-10",
            $"{Cifar} {Transformer} {FineTune} --lr 0.003 --rho 0.05");

    public static IReadOnlyList<Preset> All { get; } =
    [
        .. Twins("rn50", rn8c10, source: null), .. Twins("vits32", vitxsc10, source: null),
        .. Twins("rn50", rn8sh, source: null), .. Twins("vits32", vitxssh, source: null),
        .. Twins("rn50c10", rn8shc10, source: "rn8sh"), .. Twins("vits32c10", vitxsshc10, source: "vitxssh"),
    ];

    static IEnumerable<Preset> Twins(string prefix, PresetFamily family, string? source) =>
        PaperPresets.All.Where(p => p.Family.Prefix == prefix).Select(p => new Preset(family, p.Suffix, p.Own,
            p.Source is { } name ? source + name[name.IndexOf('_', StringComparison.Ordinal)..] : null, p.Name));

    static PresetFamily Family(string prefix, string title, string options) =>
        new(prefix, title, options, [("validation", "")], Hessian: "--batch-size 250");
}
