namespace PerturbedForgetting.Training.Presets;

/// <summary>
/// The experiments of the paper: names and options of the reference's <c>run_experiments.sh</c> and of the scripts that it calls, on one
/// device. Left out is <c>--dataset-download</c>: nothing is downloaded.
/// </summary>
static class PaperPresets
{
    const string ImageNet = "--dataset tfds/imagenet2012 --num-classes 1000";

    const string Train = "--pin-mem --crop-pct 0.875 --train-interpolation bilinear --resume auto --workers 4 --validation-batch-size 64 "
        + "--sharpness-m 64 --warmup-lr 0 --gsam-alpha 0";

    const string Transformer = "--model-kwargs class_token=False --gp avg --bce-loss", ResNet = "--momentum 0.9";

    const string TrainTransformer = $"{ImageNet} {Train} {Transformer} --batch-size 512 --grad-accum-steps 8 --epochs 300 "
        + "--warmup-epochs 32 --head-init-bias -10 --lr 0.003 --min-lr 0.00003 --weight-decay 0.3 --clip-grad 1 --rho 0.6 --min-rho 0 "
        + "--obf-C 1000";

    const string TrainResNet = $"{ImageNet} {Train} {ResNet} --batch-size 256 --grad-accum-steps 16 --epochs 90 --warmup-epochs 16 "
        + "--lr 1.6 --min-lr 0.016 --weight-decay 0.001 --rho 0.04 --min-rho 0.02 --obf-C 1000";

    const string FineTune = $"--pretrained --train-split train --val-split test {Train} --epochs 100 --warmup-epochs 5 --min-lr 0 "
        + "--weight-decay 0 --momentum 0.9 --clip-grad 1 --min-rho 0";

    const string FineTuneTransformer = $"{FineTune} {Transformer} --batch-size 512 --grad-accum-steps 1 --lr 0.003 --rho 0.05";

    const string FineTuneResNet = $"{FineTune} --batch-size 128 --grad-accum-steps 4 --lr 0.01 --rho 0.1";

    // Where the scripts do not name a size, a ResNet is evaluated at its test size of 288 pixels.
    const string ValidateTransformer = "--model-kwargs class_token=False --gp avg", ValidateResNet = "--no-use-train-size";

    const string Max = "--perturb-loss maximize", Obf = "--perturb-loss obf", NoGamma = "--obf-gamma 1e-12",
        LrProp = "--rho-policy lr_prop";

    static readonly PresetFamily vits32 = OnImageNet("vits32", "ViT-S/32 on ImageNet", "vit_small_patch32_224", TrainTransformer),
        vits16 = OnImageNet("vits16", "ViT-S/16 on ImageNet", "vit_small_patch16_224", TrainTransformer),
        rn50 = OnImageNet("rn50", "ResNet-50 on ImageNet", "resnet50", TrainResNet),
        rn101 = OnImageNet("rn101", "ResNet-101 on ImageNet", "resnet101", TrainResNet);

    /// <summary>In the order of the script.</summary>
    public static IReadOnlyList<Preset> All { get; } =
    [
        new(vits32, "vanilla", "--opt adamw"),
        new(vits32, "labelsmooth", "--opt adamw --smoothing 0.1"),
        new(vits32, "shrink_perturb", "--opt adamw --snp-factor 1e-5"),
        new(vits32, "sam_max", $"--opt sam_adamw {LrProp} {Max}"),
        new(vits32, "sam_obf", $"--opt sam_adamw {Obf}"),
        new(vits32, "sam_rand", $"--opt randsam_adamw {Max}"),
        new(vits32, "gsam_max", $"--opt sam_adamw --gsam-alpha 0.4 {LrProp} {Max}"),
        new(vits32, "gsam_obf", $"--opt sam_adamw --gsam-alpha 0.4 --backup-normalized {Obf}"),
        new(vits32, "asam_max", $"--opt sam_adamw --adaptive-sam --asam-after-norm --rho 6 {Max}"),
        new(vits32, "asam_obf", $"--opt sam_adamw --adaptive-sam --asam-after-norm --rho 6 {Obf} {NoGamma}"),
        .. FineTuned(OnCifar(vits32, 10, "ViT-S/32 fine-tuned on CIFAR-10"), "vits32", "adamw", ""),
        .. FineTuned(OnCifar(vits32, 100, "ViT-S/32 fine-tuned on CIFAR-100"), "vits32", "adamw", ""),

        new(rn50, "vanilla", "--opt sgdw"),
        new(rn50, "labelsmooth", "--opt sgdw --smoothing 0.1"),
        new(rn50, "shrink_perturb", "--opt sgdw --snp-factor 1e-5"),
        new(rn50, "sam_max", $"--opt sam_sgdw {LrProp} {Max}"),
        new(rn50, "sam_obf", $"--opt sam_sgdw {Obf} {NoGamma}"),
        new(rn50, "sam_rand", $"--opt randsam_sgdw {Max}"),
        new(rn50, "gsam_max", $"--opt sam_sgdw --gsam-alpha 0.01 --backup-normalized {LrProp} {Max}"),
        new(rn50, "gsam_obf", $"--opt sam_sgdw --gsam-alpha 0.01 {Obf} {NoGamma}"),
        new(rn50, "asam_max", $"--opt sam_sgdw --adaptive-sam --asam-before-norm --rho 0.8 --min-rho 0.4 {LrProp} {Max}"),
        new(rn50, "asam_obf", $"--opt sam_sgdw --adaptive-sam --asam-before-norm --rho 0.8 {Obf} {NoGamma}"),
        .. FineTuned(OnCifar(rn50, 10, "ResNet-50 fine-tuned on CIFAR-10"), "rn50", "sgd", "--bce-loss"),
        .. FineTuned(OnCifar(rn50, 100, "ResNet-50 fine-tuned on CIFAR-100"), "rn50", "sgd", "--bce-loss"),

        new(vits16, "vanilla", "--opt adamw"),
        new(vits16, "sam_max", $"--opt sam_adamw {Max}"),
        new(vits16, "sam_obf", $"--opt sam_adamw {Obf}"),
        new(vits16, "gsam_max", $"--opt sam_adamw --gsam-alpha 1 {LrProp} {Max}"),
        new(vits16, "gsam_obf", $"--opt sam_adamw --gsam-alpha 0.4 --backup-normalized {Obf}"),

        new(rn101, "vanilla", "--opt sgdw"),
        new(rn101, "sam_max", $"--opt sam_sgdw {LrProp} {Max}"),
        new(rn101, "sam_obf", $"--opt sam_sgdw {Obf} {NoGamma}"),
        new(rn101, "gsam_max", $"--opt sam_sgdw --gsam-alpha 0.01 --backup-normalized {LrProp} {Max}"),
        new(rn101, "gsam_obf", $"--opt sam_sgdw --gsam-alpha 0.01 {Obf} {NoGamma}"),
    ];

    /// <summary>The four ways of fine-tuning: plainly from weights of SAM, and with SAM from plain weights.</summary>
    /// <param name="family">What they share.</param>
    /// <param name="source">Prefix of the presets that the weights are of.</param>
    /// <param name="plain">What names call the optimiser of the plain weights.</param>
    /// <param name="loss">Options of those that begin with plain weights.</param>
    static IEnumerable<Preset> FineTuned(PresetFamily family, string source, string plain, string loss) =>
    [
        new(family, "max2sgd", "--opt sgd", $"{source}_sam_max"),
        new(family, "obf2sgd", "--opt sgd", $"{source}_sam_obf"),
        new(family, $"{plain}2max", $"{loss} --opt sam_sgd {Max}", $"{source}_vanilla"),
        new(family, $"{plain}2obf", $"{loss} --opt sam_sgd {Obf} {NoGamma}", $"{source}_vanilla"),
    ];

    static PresetFamily OnImageNet(string prefix, string title, string model, string train) => new(prefix, title,
        $"--model {model} {train}",
        [
            ("imagenet", Validate(model, "--dataset tfds/imagenet2012 --split validation", 1000)),
            ("imagenet_real", Validate(model, "--dataset tfds/imagenet2012_real --split validation", 1000)),
            ("imagenet_v2", Validate(model, "--dataset tfds/imagenet_v2 --split test", 1000)),
            ("imagenet_r", Validate(model, "--dataset tfds/imagenet_r --split test", 1000)),
            ("imagenet_sketch", Validate(model, "--dataset tfds/imagenet_sketch --split test", 1000)),
        ],
        $"--model {model} --dataset tfds/imagenet2012 --split train[:8192] --pin-mem --crop-pct 0.875 --train-interpolation bilinear "
            + "--num-classes 1000 --workers 4 --batch-size 256 "
            + (IsTransformer(model) ? $"{ValidateTransformer} --bce-loss" : "--img-size 224"));

    static PresetFamily OnCifar(PresetFamily trained, int classes, string title)
    {
        string model = OptionWords.Split(trained.Options)[1], set = $"tfds/cifar{classes}";
        return new($"{trained.Prefix}c{classes}", title,
            $"--model {model} --dataset {set} --num-classes {classes} --obf-C {classes} "
                + (IsTransformer(model) ? FineTuneTransformer : FineTuneResNet),
            [($"cifar{classes}", Validate(model, $"--dataset {set} --split test", classes))], Hessian: null);
    }

    static string Validate(string model, string data, int classes) => $"--model {model} {data} --pin-mem --crop-pct 0.875 "
        + $"--num-classes {classes} --workers 4 --batch-size 64 --log-freq 150 "
        + (IsTransformer(model) ? ValidateTransformer : ValidateResNet);

    static bool IsTransformer(string model) => model.StartsWith("vit", StringComparison.Ordinal);
}
