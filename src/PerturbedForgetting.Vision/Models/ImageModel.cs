using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>A classifier of images: <c>[B, H, W, 3]</c> normalised pixels in, <c>[B, classes]</c> logits out.</summary>
public abstract class ImageModel : Module
{
    /// <param name="height">Height of the images in pixels.</param>
    /// <param name="width">Width of the images in pixels.</param>
    /// <param name="numClasses">Classes.</param>
    private protected ImageModel(int height, int width, int numClasses)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(numClasses, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (ImageHeight, ImageWidth, NumClasses) = (height, width, numClasses);
    }

    /// <summary>Height of the images the model was made for, in pixels; a ResNet takes others too.</summary>
    public int ImageHeight { get; }

    /// <summary>Width of the images the model was made for, in pixels; a ResNet takes others too.</summary>
    public int ImageWidth { get; }

    /// <summary>Number of logits.</summary>
    public int NumClasses { get; }

    /// <summary>The last layer.</summary>
    public abstract Linear Classifier { get; }

    /// <summary>Name of the last layer in the state dictionary.</summary>
    public abstract string ClassifierName { get; }

    /// <summary>The stage whose output the last layer classifies, [B, features].</summary>
    public abstract string FeaturesName { get; }

    /// <summary>
    /// Called during a forward pass with the name and output of each stage (<c>layer1</c>, <c>blocks.0</c>, …). The tensor lives
    /// only as long as the pass; copy out what is to be kept.
    /// </summary>
    public Action<string, Tensor>? Observer { get; set; }

    /// <summary>All modules inside are the library's own, and show what they make to the <see cref="Observer"/> alone.</summary>
    internal override bool HidesTensors => Observer is null;

    /// <summary>Shape of the logits of one image.</summary>
    internal virtual Shape OutputShape => [NumClasses];

    /// <summary>Adds the evaluation of images N,C,H,W to a graph of ONNX.</summary>
    /// <param name="graph">To this graph.</param>
    /// <param name="x">Name of the images.</param>
    /// <returns>Name of the logits.</returns>
    internal abstract string Export(OnnxGraph graph, string x);

    /// <summary>Sets every element of the classifier's bias.</summary>
    public void FillHeadBias(double value) => Classifier.Bias!.Fill(value);

    /// <summary>Reports a stage's output.</summary>
    protected Tensor Observe(string name, Tensor output)
    {
        Observer?.Invoke(name, output);
        return output;
    }

    /// <summary>Reports the output of one stage of many, whose name is made only where somebody listens.</summary>
    protected Tensor Observe(string name, int number, Tensor output)
    {
        Observer?.Invoke($"{name}{number}", output);
        return output;
    }
}
