using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Vision.Models;

/// <summary>One layer of a <see cref="ModelSummary"/>.</summary>
/// <param name="Name">Dotted name, as in the state dictionary.</param>
/// <param name="Type">Kind of layer.</param>
/// <param name="Output">Shape of the output for one image: <c>[H, W, C]</c>, <c>[N, C]</c> or <c>[C]</c>.</param>
/// <param name="Parameters">Trainable numbers.</param>
/// <param name="MultiplyAdds">Multiplications with their additions, for one image.</param>
public readonly record struct LayerSummary(string Name, string Type, Shape Output, long Parameters, long MultiplyAdds);

/// <summary>
/// Layers, shapes and cost of a model, as its forward pass tells them when it runs on an empty batch. Multiply-adds are those of one
/// image through convolutions, linear layers and attention products; normalisation, activation and pooling count nothing, as is usual.
/// </summary>
public sealed class ModelSummary
{
    readonly List<LayerSummary> layers = [];

    ModelSummary()
    {
    }

    /// <summary>In the order of the forward pass.</summary>
    public IReadOnlyList<LayerSummary> Layers => layers;

    /// <summary>Trainable numbers of the model.</summary>
    public long Parameters => layers.Sum(l => l.Parameters);

    /// <summary>Multiply-adds of one image's forward pass.</summary>
    public long MultiplyAdds => layers.Sum(l => l.MultiplyAdds);

    /// <summary>Bytes that a training pass keeps for its backward pass, for one image of the size the model was made for.</summary>
    public static long SavedBytes(ImageModel model)
    {
        DType type = model.Classifier.Weight.DType;
        // In training a normalisation over the batch keeps its input, which is as large as its output; in evaluation it does not.
        long normalized = Of(model).layers.Where(l => l.Type == nameof(BatchNorm2d)).Sum(l => l.Output.Count);
        return model.TraceSaved([model.ImageHeight, model.ImageWidth, 3], type) + (type.Size() * normalized);
    }

    /// <summary>Fewest values that an image brings to a channel of a normalisation over the batch, whose statistics need more than one;
    /// null without one.</summary>
    public long? FewestNormalized => layers.Where(l => l.Type == nameof(BatchNorm2d))
        .Min(l => (long?)l.Output.Count / l.Output[-1]);

    /// <summary>Summarises a model for images of the size it was made for.</summary>
    public static ModelSummary Of(ImageModel model)
    {
        var summary = new ModelSummary();
        var names = model.NamedModules().ToDictionary(m => m.Module, m => m.Name);
        (var watching, model.Observer) = (model.Observer, null);
        try
        {
            model.Trace([model.ImageHeight, model.ImageWidth, 3], model.Classifier.Weight.DType, (layer, output, depth) =>
            {
                Shape image = [.. output.Shape.Skip(1)];
                var own = layer.OwnParameters;
                if (layer == model)
                    summary.layers.AddRange(own.Select(p => new LayerSummary(p.Name, nameof(Parameter), image, p.Parameter.Count, 0)));
                else
                {
                    long parameters = own.Sum(p => p.Parameter.Count);
                    summary.layers.Add(new(names[layer], layer.GetType().Name, image, parameters, image.Count * depth));
                }
            });
        }
        finally
        {
            model.Observer = watching;
        }
        return summary;
    }
}
