using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Vision.Models.Onnx;

namespace PerturbedForgetting.Vision.Models;

/// <summary>Cuts images <c>[B, H, W, 3]</c> into square patches, row by row, and projects each: tokens <c>[B, N, C]</c>.</summary>
sealed class PatchEmbedding : Module, IOnnxModule
{
    /// <summary>Standard deviation of a standard normal cut at two; the initial weights are scaled up by it.</summary>
    const double TruncatedDeviation = 0.87962566103423978;

    readonly int patch;
    readonly Conv2d projection;

    public PatchEmbedding(int patch, int dim)
    {
        this.patch = patch;
        projection = Register("proj", new Conv2d(3, dim, patch, patch));
        // LeCun: variance 1 / inputs, normal, cut at two standard deviations.
        double deviation = Math.Sqrt(1.0 / (3 * patch * patch)) / TruncatedDeviation;
        projection.Weight.Assign(Initialization.Current.TruncatedNormal(projection.Weight.Shape, deviation));
        projection.Bias!.Fill(0);
    }

    // The convolution as the matrix product that it is: what the patches are unfolded to then serves the backward pass too.
    protected override Tensor Forward(Tensor x)
    {
        Tensor patches = Ops.Patches(x, patch);
        int depth = patches.Shape[2];
        patches = Ops.Reshape(patches, [x.Shape[0], x.Shape[1] / patch, x.Shape[2] / patch, depth]);
        Tensor grid = projection.Report(Ops.Linear(patches, projection.Weight, projection.Bias), depth);
        return Ops.Reshape(grid, [x.Shape[0], grid.Shape[1] * grid.Shape[2], grid.Shape[3]]);
    }

    public string Export(OnnxGraph graph, string x)
    {
        string grid = graph.Convolution(projection, x);
        // A shape's 0 is the extent of the input, so that the batch stays open.
        string rows = graph.Node(this, "Reshape", [grid, graph.List(0, projection.Weight.Shape[0], -1)]);
        return graph.Node(this, "Transpose", [rows], OnnxAttribute.Ints("perm", 0, 2, 1));
    }
}
