using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Vision.Models.Weights;
using PerturbedForgetting.Vision.Transforms;

namespace PerturbedForgetting.Vision.Models;

/// <summary>
/// Loads weights to start from: those of this program, of timm, torchvision, the JAX authors of ViT, Hugging Face's transformers, DeiT,
/// MAE, DINO or MoCo, in any format of <see cref="WeightsFile"/>. The classifier is loaded where the number of classes agrees and keeps its
/// initial weights where it does not, or where the file has none; the rest of the network must fit. What the file has beside the network
/// is left out and reported. (The reference drops a ResNet's classifier even where it fits, lets other names be missing, and fails on a
/// transformer file in which everything fits.)
/// </summary>
public static class Pretrained
{
    /// <summary>Loads a file into a model; the model is unchanged when it does not fit.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file.</param>
    /// <param name="resize">How to resize the position embedding of another image size; null refuses it.</param>
    /// <param name="key">Entry of a PyTorch checkpoint that holds the weights; null takes averaged weights (EMA) before others.</param>
    /// <exception cref="PretrainedException">The file does not fit the model.</exception>
    /// <exception cref="WeightsException">The file is malformed or damaged, or of a kind that is not read.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PretrainedReport Load(ImageModel model, string path, Interpolation? resize = null, string? key = null)
    {
        using var file = WeightsFile.Open(path, key);
        if (file.HasChecksum)
            file.Verify();
        return Load(model, file, resize);
    }

    /// <summary>Loads an open file into a model; the model is unchanged when it does not fit.</summary>
    /// <inheritdoc cref="Load(ImageModel, string, Interpolation?, string?)"/>
    /// <param name="model">The model.</param>
    /// <param name="file">The file, verified where it can be.</param>
    /// <param name="resize">How to resize the position embedding of another image size; null refuses it.</param>
    public static PretrainedReport Load(ImageModel model, WeightsFile file, Interpolation? resize = null)
    {
        var plan = new PretrainedPlan(model, NamedWeights.Of(file), resize);
        plan.Check();
        return plan.Apply();
    }

    /// <summary>Classes of a file, by the rows of its last layer; null where it has none that is known.</summary>
    /// <exception cref="PretrainedException">As for loading.</exception>
    public static int? ClassesOf(WeightsFile file) => NamedWeights.Of(file).Classes;
}
