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
/// Layers, shapes and cost of a model, worked out from its shapes without running it. Multiply-adds are those of the forward pass
/// of one image through convolutions, linear layers and attention products; normalisation, activation and pooling count nothing,
/// as is usual.
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

    /// <summary>Summarises a model for images of the size it was made for.</summary>
    public static ModelSummary Of(ImageModel model)
    {
        var summary = new ModelSummary();
        model.Describe(summary, [model.ImageHeight, model.ImageWidth, 3]);
        return summary;
    }

    internal Shape Add(string name, string type, Shape output, long parameters, long multiplyAdds)
    {
        layers.Add(new(name, type, output, parameters, multiplyAdds));
        return output;
    }

    internal Shape Add(string name, Conv2d layer, Shape input)
    {
        var weight = layer.Weight.Shape;
        static int Extent(int size, int kernel, int stride, int padding, int dilation) => (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
        Shape output =
        [
            Extent(input[0], weight[1], layer.Stride.H, layer.Padding.H, layer.Dilation.H),
            Extent(input[1], weight[2], layer.Stride.W, layer.Padding.W, layer.Dilation.W),
            weight[0],
        ];
        return Add(name, "Conv2d", output, Count(layer), (long)output[0] * output[1] * weight.Count);
    }

    internal Shape Add(string name, Linear layer, Shape input)
    {
        var output = input.With(-1, layer.Weight.Shape[0]);
        return Add(name, "Linear", output, Count(layer), input.Count / input[-1] * layer.Weight.Count);
    }

    internal Shape Add(string name, BatchNorm2d layer, Shape input) => Add(name, "BatchNorm2d", input, Count(layer), 0);

    internal Shape Add(string name, LayerNorm layer, Shape input) => Add(name, "LayerNorm", input, Count(layer), 0);

    static long Count(Module layer) => layer.NamedParameters().Sum(p => p.Parameter.Count);
}
